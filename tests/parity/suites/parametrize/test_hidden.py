import pytest

hidden = getattr(pytest, "HIDDEN_PARAM", "hidden")


@pytest.mark.parametrize("a", [pytest.param(1, id=hidden), pytest.param(2, id="two")])
def test_one_hidden(a):
    pass


@pytest.mark.parametrize("b", [3, 4])
@pytest.mark.parametrize("a", [pytest.param(1, id=hidden), 2])
def test_hidden_and_stacked(a, b):
    pass


@pytest.mark.parametrize("a", [1], ids=[hidden])
class TestHiddenOnClass:
    def test_only(self, a):
        pass
