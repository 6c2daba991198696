import pytest


def ids(value):
    raise ZeroDivisionError("in ids")


@pytest.mark.parametrize("a", [1], ids=ids)
def test_ids(a):
    pass
