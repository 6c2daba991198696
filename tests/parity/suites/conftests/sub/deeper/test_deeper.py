import pytest


@pytest.fixture
def place(place):
    return [*place, "module"]


def test_place(place):
    assert place == ["root", "sub", "deeper", "module"]


def test_depth(depth):
    assert depth in (1, 2)


class TestClass:
    @pytest.fixture
    def place(self, place):
        return [*place, "class"]

    def test_place(self, place):
        assert place == ["root", "sub", "deeper", "module", "class"]
