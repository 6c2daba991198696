import pytest


class TestClass:
    def test_before(self):
        pass

    @pytest.mark.parametrise("a", [1])
    def test_misspelt(self, a):
        pass
