import pytest


def check_one(request):
    assert type(request.node).__name__ == "OwnFunction"


def several_things():
    pass


def test_hidden_by_hook():
    raise AssertionError


def test_plain(request):
    assert type(request.node) is not None
    assert isinstance(request.node, pytest.Function)


class OwnThing:
    def test_inside(self):
        pass


class TestPlain:
    @staticmethod
    def check_inside(request):
        assert request.node.own == "set"
