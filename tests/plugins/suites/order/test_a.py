import pytest


@pytest.mark.order(-1)
def test_last():
    pass


@pytest.mark.order("second")
def test_second():
    pass


@pytest.mark.order(after="test_second")
def test_after():
    pass


def test_free():
    pass
