import pytest


@pytest.mark.order(1)
class TestOrdered:
    def test_x(self):
        pass

    @pytest.mark.order(before="test_a.py::test_free")
    def test_before(self):
        pass


@pytest.mark.order(index=0)
@pytest.mark.parametrize("x", [1, 2])
def test_first(x):
    pass
