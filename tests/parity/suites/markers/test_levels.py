import math

import pytest

from conftest import OPAQUE, Opaque

pytestmark = [pytest.mark.level("module"), pytest.mark.data(1, b=[2, (3, {4}, {"k": None})]), pytest.mark.slow]


@pytest.mark.level("function")
def test_function(marks):
    assert [m[1] for m in marks if m[0] == "level"] == [("function",), ("module",)]


@pytest.mark.data.with_args(OPAQUE)
@pytest.mark.data(key=Opaque)
@pytest.mark.data.with_args(math.sqrt, lambda: 0)
def test_opaque(request):
    first, *_ = [m for m in request.node.iter_markers("data") if m.args]
    assert first.args[0] is math.sqrt or first.args[0] is OPAQUE


@pytest.mark.level("class")
class TestClass:
    pytestmark = [pytest.mark.level("class attribute")]

    @pytest.mark.level("method")
    def test_method(self, marks):
        assert len([m for m in marks if m[0] == "level"]) >= 3

    @pytest.mark.level("nested")
    class TestNested:
        @pytest.mark.level("one")
        @pytest.mark.level("two")
        def test_two(self, request):
            assert request.node.get_closest_marker("level").args == ("two",)


@pytest.mark.level("derived")
class TestDerived(TestClass):
    pass


class TestSingle:
    pytestmark = pytest.mark.level("single")

    def test_single(self):
        pass


@pytest.mark.level
@pytest.mark.level()
@pytest.mark.data(..., 1.5, b"x", 1j, True, frozenset({1}), -(2**65))
def test_values(request):
    assert request.node.get_closest_marker("data").args[0] is ...


with_marks = pytest.mark.level("shared")


@with_marks
def test_shared_one():
    pass


@with_marks.with_args(2)
def test_shared_two():
    pass


@pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.level("param"))])
@pytest.mark.level("function")
def test_param(n, request):
    assert request.node.get_closest_marker("level").args == ("function",)


class TestKeywordsAttributes:
    def test_with_attributes(self):
        pass

    test_with_attributes.special_key = 1
    test_with_attributes.another = [2]
