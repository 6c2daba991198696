import pytest
def test_z():
    "doc"
def test_obj(request):
    "more doc"
    assert request.node.seen
    assert type(request.node.get_closest_marker("obj").args[0]).__name__ == "Thing"
def test_a(tmp_path):
    x = 1 + len("abc") * 3
    assert x
test_a.slow = True
test_a.nothing = None
class TestC:
    def test_in(self, request):
        assert request.node.get_closest_marker("cls")
    @pytest.mark.parametrize("x", [1,2])
    def test_p(self, x): pass
#


def test_gone():
    raise AssertionError("it was deselected")
