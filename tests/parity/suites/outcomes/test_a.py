import pytest


@pytest.mark.fast
def test_pass():
    pass


@pytest.mark.slow
def test_fail():
    print("captured output")
    assert 1 == 2


def test_error(breaks):
    pass


def test_error_late(breaks_late):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("n", range(4))
def test_odd(n):
    assert n % 2 == 0


@pytest.mark.xfail
def test_xfail():
    raise AssertionError


@pytest.mark.xfail
def test_xpass():
    pass


def test_skip():
    pytest.skip("inside")
