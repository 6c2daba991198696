"""Classes of every kind."""

import abc
import dataclasses
import functools
import typing

import pytest
from base import Base, Mixin, TestImported


class TestPlain:
    """Has a docstring."""

    def test_one(self):
        """So has its test."""

    def test_two(self):
        pass

    def not_a_test(self):
        raise AssertionError

    attribute = test_two


class TestNested:
    class TestInner:
        class TestInnermost:
            def test_deep(self):
                pass

        def test_inner(self):
            pass

    def test_outer(self):
        pass

    class NotCollected:
        def test_never(self):
            raise AssertionError


@pytest.mark.derived
class TestDerived(Base):
    value = 2


class TestDerivedAgain(TestDerived, Mixin):
    value = 3

    def test_own(self):
        assert self.helper() == 3

    def test_inherited(self):
        assert self.value == 3


class TestOverridesWithNone(TestDerived):
    test_thing = None


class TestHasInit:
    def __init__(self):
        pass

    def test_never(self):
        raise AssertionError


class TestHasNew:
    def __new__(cls):
        return object.__new__(cls)

    def test_never(self):
        raise AssertionError


class TestSwitchedOff:
    __test__ = False

    def test_never(self):
        raise AssertionError


class SwitchedOn:
    __test__ = True

    def test_on(self):
        pass


class TestEmpty:
    pass


class TestStatic:
    @staticmethod
    def test_static():
        pass

    @classmethod
    def test_class(cls):
        assert cls is TestStatic

    @property
    def test_property(self):
        raise AttributeError("not asked for")

    test_lambda = lambda self: None  # noqa: E731

    test_number = 3


class TestAbstract(abc.ABC):
    @abc.abstractmethod
    def needed(self): ...

    def test_concrete(self):
        pass


class TestFilled(TestAbstract):
    def needed(self):
        return 1


@dataclasses.dataclass
class TestData:
    x: int = 3

    def test_never(self):
        raise AssertionError


class Meta(type):
    def __new__(meta, name, bases, namespace):
        namespace["test_made"] = lambda self: None
        return super().__new__(meta, name, bases, namespace)


class TestMeta(metaclass=Meta):
    def test_own(self):
        pass


T = typing.TypeVar("T")


class TestGeneric(typing.Generic[T]):
    def test_generic(self):
        pass


class TestGenericOfInt(TestGeneric[int]):
    pass


TestAlias = TestPlain


def decorated(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@decorated
def test_decorated():
    pass


@decorated
@decorated
@pytest.mark.base
def test_decorated_twice():
    pass


def test_again():
    raise AssertionError("replaced below")


def test_again():  # noqa: F811
    pass


class TestCallable:
    def __call__(self):
        pass


class test_lowercase_class:
    def test_never(self):
        raise AssertionError


test_partial = functools.partial(lambda: None)

test_of_instance = TestCallable()


class _Getattr:
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self


getattr_gives_all = _Getattr()


def make(name):
    class TestMade:
        def test_made(self):
            pass

    TestMade.__name__ = TestMade.__qualname__ = name
    return TestMade


TestMadeOne = make("TestMadeOne")
TestMadeTwo = make("Other")


@pytest.mark.parametrize("x", [1, 2])
class TestParametrized:
    @pytest.fixture(autouse=True)
    def auto(self, x):
        self.x = x

    def test_x(self, x):
        assert self.x == x

    class TestInnerParametrized:
        @pytest.mark.parametrize("y", [3])
        def test_xy(self, x, y):
            pass
