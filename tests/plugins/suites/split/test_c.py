import pytest


@pytest.mark.parametrize("x", range(5))
def test_x(x):
    pass


class TestIn:
    def test_in(self):
        pass
