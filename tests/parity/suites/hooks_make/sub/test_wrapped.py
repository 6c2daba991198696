import pytest


@pytest.mark.parametrize("n", [1, 2, 3])
def test_reversed(n):
    pass


def test_single():
    pass
