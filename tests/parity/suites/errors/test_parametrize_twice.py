import pytest


@pytest.mark.parametrize("a", [1])
@pytest.mark.parametrize("a", [2])
def test_twice(a):
    pass
