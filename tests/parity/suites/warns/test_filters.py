import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    warnings.warn("filtered by the module itself")
with warnings.catch_warnings():
    warnings.simplefilter("error")
    with pytest.raises(UserWarning):
        warnings.warn("raised")

pytestmark = pytest.mark.filterwarnings("error:turned")


def test_error():
    warnings.warn("turned into an error")


def test_once():
    for _ in range(3):
        warnings.warn("three times")
