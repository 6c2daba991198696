import pytest


def test_pass(extras=None):
    """Has a docstring."""
    print("printed")


def test_fail():
    assert [1, 2] == [1, 3]


@pytest.mark.parametrize("x", ["<b>", "ü"])
def test_odd(x):
    pass


@pytest.mark.skip(reason="no")
def test_skip():
    pass


@pytest.mark.xfail
def test_xfail():
    raise ValueError
