"""What collecting itself warns about."""

import pytest


class TestHasInit:
    def __init__(self):
        pass


class TestReturns:
    def test_returns(self):
        return 3


test_not_callable_class = None


@pytest.mark.nobody_knows_this
def test_unknown_mark():
    pass


@pytest.mark.parametrize("a", [1])
@pytest.mark.nobody_knows_this_either
class TestMarked:
    def test_marked(self, a):
        pass


def test_escape():
    assert "\d" == "\\d"
