import pytest
from conftest import KEY


@pytest.mark.tail
def test_tail():
    pass


def test_first(request):
    assert request.node.stash[KEY] >= 1
    assert request.node.extra_note.startswith("note")
    assert request.node.get_closest_marker("added")
    assert request.node.get_closest_marker("early")


def test_dropped():
    raise AssertionError


def test_renamed(request):
    assert request.node.name == "test_new_name"


def skipme():
    raise AssertionError


skipme.skipme = True
test_marked_by_attribute = skipme


def test_extra(extra, request):
    assert "has_extra" in request.node.keywords


class TestClass:
    @pytest.mark.tail
    def test_tail(self):
        pass

    @pytest.mark.parametrize("n", [1, 2])
    def test_n(self, n, request):
        assert dict(request.node.user_properties)["count"] == request.node.stash[KEY]
