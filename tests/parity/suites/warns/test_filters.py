import warnings

import pytest

warnings.simplefilter("ignore")
warnings.warn("filtered by the module itself")
warnings.simplefilter("always")
warnings.warn("shown")

pytestmark = pytest.mark.filterwarnings("error:turned")


def test_error():
    warnings.warn("turned into an error")


def test_once():
    for _ in range(3):
        warnings.warn("three times")
