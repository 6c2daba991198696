import pytest


@pytest.mark.parametrize("x", ["a", "b-c", "d.e", "f/g"])
def test_text(x):
    pass


def test_pass():
    pass
