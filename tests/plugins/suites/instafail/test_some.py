import pytest


def test_pass():
    pass


def test_fail():
    assert 1 == 2


@pytest.mark.parametrize("x", range(3))
def test_x(x):
    assert x != 1


def test_error(missing):
    pass
