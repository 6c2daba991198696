"""Every way to write parameters and their ids."""

import dataclasses
import datetime
import decimal
import enum
import functools
import math
import re

import pytest


class Colour(enum.Enum):
    RED = 1
    GREEN = "g"


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Named:
    def __init__(self, name):
        self.__name__ = name


def helper(value):
    return value


@pytest.mark.parametrize("value", [None, True, False, 0, -1, 2**70, 1.5, math.inf, math.nan, 1j, "", "text", b"\xff\x00"])
def test_simple_values(value):
    assert True


@pytest.mark.parametrize("value", ["ä", "a\nb", "a\\b", "\x00", "\ud800", "日本", "[x]", "a::b", "a/b", "a b", "é" * 80])
def test_odd_text(value):
    assert isinstance(value, str)


@pytest.mark.parametrize("value", [(1, 2), [1, 2], {"a": 1}, {1, 2}, frozenset([3]), ..., NotImplemented])
def test_containers(value):
    assert value is not None


@pytest.mark.parametrize(
    "value",
    [Colour.RED, Colour.GREEN, Point(1, 2), int, Point, helper, lambda: 0, Named("named"), re.compile("x+"),
     datetime.date(2020, 1, 2), decimal.Decimal("1.50"), functools.partial(helper, 1), math, range(3), object],
)
def test_objects(value):
    assert value is not None


@pytest.mark.parametrize("b", [3, 4])
@pytest.mark.parametrize("a", [1, 2])
def test_stacked(a, b):
    assert (a, b) != (2, 4)


@pytest.mark.parametrize("c", "xy")
@pytest.mark.parametrize(("a", "b"), [(1, 2), (3, 4)])
@pytest.mark.parametrize("d, e", [(5, 6)])
def test_stacked_tuples(a, b, c, d, e):
    assert a < b < d < e


@pytest.mark.parametrize("a,b", [[1, 2], [3, 4]])
def test_two_from_lists(a, b):
    pass


@pytest.mark.parametrize("a", [1, 1, 1, 2, 2])
def test_duplicate_ids(a):
    pass


@pytest.mark.parametrize("a", ["1", 1, "1_0", "a", "a", "a0"])
def test_duplicate_ids_with_suffix(a):
    pass


@pytest.mark.parametrize("a", [1, 2, 3], ids=["one", None, "three"])
def test_ids_list(a):
    pass


@pytest.mark.parametrize("a", [1, 2.5, True, 4], ids=[1, 2.5, True, "four"])
def test_ids_that_are_not_text(a):
    pass


@pytest.mark.parametrize("a", [1, Point(3, 4), "x"], ids=lambda v: None if isinstance(v, str) else f"<{v}>")
def test_ids_function(a):
    pass


@pytest.mark.parametrize("a, b", [(1, 2), (3, 4)], ids=lambda v: "v%d" % v)
def test_ids_function_two(a, b):
    pass


def generated():
    yield "first"
    yield "second"


@pytest.mark.parametrize("a", [1, 2], ids=generated())
def test_ids_generator(a):
    pass


@pytest.mark.parametrize(
    "a",
    [
        1,
        pytest.param(2, id="two"),
        pytest.param(3, marks=pytest.mark.slow),
        pytest.param(4, marks=[pytest.mark.slow, pytest.mark.owner(name="me")], id="four"),
        pytest.param(5, marks=pytest.mark.xfail(reason="odd", strict=True)),
        pytest.param(6, marks=pytest.mark.skip(reason="not now")),
        pytest.param(7, marks=pytest.mark.skipif("True", reason="text condition")),
        pytest.param(8, marks=pytest.mark.owner.with_args(helper)),
        pytest.param(9, marks=()),
    ],
)
def test_param(a):
    assert a != 5


@pytest.mark.parametrize("a", [])
def test_empty(a):
    raise AssertionError("never")


@pytest.mark.parametrize("a", [])
@pytest.mark.parametrize("b", [1, 2])
def test_empty_and_not(a, b):
    raise AssertionError("never")


@pytest.mark.parametrize("a", (n * n for n in range(3)))
def test_generator_of_values(a):
    pass


shared = [[1], [2]]


@pytest.mark.parametrize("a", shared + shared)
def test_the_same_object_twice(a):
    pass


@pytest.mark.parametrize("a", [object(), object()], ids=repr)
@pytest.mark.skip(reason="ids hold addresses")
class TestNeverMind:
    pass


@pytest.mark.parametrize("a", [1, 2])
@pytest.mark.parametrize("b", [pytest.param(1, marks=pytest.mark.slow), 2])
class TestOnClass:
    @pytest.mark.parametrize("c", [True, False])
    def test_three(self, a, b, c):
        pass

    def test_two(self, b, a):
        pass


@pytest.mark.parametrize("request_", [1])
def test_name_near_builtin(request_, request):
    assert request.node.callspec.params == {"request_": 1}


@pytest.mark.parametrize("a", [1, 2])
def test_default_overridden(a, b=3):
    assert b == 3


@pytest.mark.parametrize("value", [b"bytes", bytearray(b"array"), memoryview(b"view")], ids=["bytes", "bytearray", "view"])
def test_buffers(value):
    pass


@pytest.mark.parametrize("value", [-0.0, 0.0, 1e300, 1e-300, 123456789.123456789, -math.inf])
def test_floats(value):
    pass


class Int(int):
    pass


class Str(str):
    pass


@pytest.mark.parametrize("value", [Int(3), Str("s"), True, 1, 1.0])
def test_subclasses_of_values(value):
    pass
