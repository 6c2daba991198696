import pytest


@pytest.mark.base
class Base:
    value = 1

    def test_inherited(self):
        assert self.value

    @pytest.mark.parametrize("n", [1, 2])
    def test_inherited_param(self, n):
        assert self.value + n > 1

    @pytest.fixture
    def thing(self):
        return self.value

    def test_thing(self, thing):
        assert thing == self.value

    class TestNestedInBase:
        def test_nested(self):
            pass


class TestImported:
    def test_imported(self):
        pass


class Mixin:
    def test_mixed(self):
        pass

    def helper(self):
        return 3
