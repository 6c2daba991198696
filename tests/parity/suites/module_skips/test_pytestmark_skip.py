import pytest

pytestmark = pytest.mark.skip(reason="pytestmark")


def test_never():
    raise AssertionError
