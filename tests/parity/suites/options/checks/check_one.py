import pytest


def check_a():
    pass


def that_works(request):
    assert "from_ini" in request.fixturenames


def it_does():
    pass


def test_not_by_this_name():
    raise AssertionError


class CheckThing:
    def check_method(self):
        pass

    def test_never(self):
        raise AssertionError


class MathSuite:
    def it_adds(self):
        assert 1 + 1 == 2


class TestNotThis:
    def check_never(self):
        raise AssertionError


@pytest.mark.parametrize("x", [])
def check_empty(x):
    pass
