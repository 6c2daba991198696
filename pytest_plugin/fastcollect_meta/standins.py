"""What lazy nodes give, while a hook runs that is known to ask only this, in place of classes, modules and functions.

A stand-in that is asked for more imports the module and answers as the real object does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from .introspection import find_class


class _StandIn:
    """Attributes from a record; others from the real object.

    :param real: gives it, importing the module.
    """

    __slots__ = ("_attributes", "_real")

    def __init__(self, real: Callable[[], Any], attributes: dict[str, Any]) -> None:
        object.__setattr__(self, "_real", real)
        object.__setattr__(self, "_attributes", attributes)

    def __getattribute__(self, name: str) -> Any:
        attributes = object.__getattribute__(self, "_attributes")
        if name in attributes:
            value = attributes[name]
            if value is AttributeError:
                raise AttributeError(name)
            return value
        return getattr(object.__getattribute__(self, "_real")(), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(object.__getattribute__(self, "_real")(), name, value)


def class_stand_in(names: tuple[str, ...], real: Callable[[], Any]) -> Any:
    """For a class: its names and what it is a subclass of.

    :param names: "module:qualname" of the class, and of what it is made of.
    """
    module, _, qualname = names[0].partition(":")
    bases = tuple(found for found in map(find_class, names[1:]) if found is not None)
    attributes = {
        "__class__": type,
        "__module__": module,
        "__qualname__": qualname,
        "__name__": qualname.rpartition(".")[2],
        "__bases__": bases,
    }
    return _StandIn(real, attributes)


class _LineStandIn(_StandIn):
    __slots__ = ()

    @staticmethod
    def line_of(stand_in: _LineStandIn) -> Any:
        """The line, None where there is none."""
        return object.__getattribute__(stand_in, "_attributes")["line"]


def line_stand_in(line: int | None, real: Callable[[], Any]) -> Any:
    """For a class: where it begins."""
    return _LineStandIn(real, {"line": line})


def module_stand_in(name: str, real: Callable[[], Any]) -> Any:
    """For a module: its name."""
    return _StandIn(real, {"__class__": ModuleType, "__name__": name})


class _Code:
    __slots__ = ("co_flags",)

    def __init__(self, flags: int) -> None:
        self.co_flags = flags


def _function_attributes(flags: int) -> dict[str, Any]:
    return {
        "__class__": FunctionType,
        "__code__": _Code(flags),
        # what the standard library asks besides, and a record has taken into account
        "_is_coroutine_mark": AttributeError,
        "_is_coroutine_marker": AttributeError,
        "_partialmethod": AttributeError,
        "__partialmethod__": AttributeError,
    }


_PLAIN, _COROUTINE = _function_attributes(0), _function_attributes(inspect.CO_COROUTINE)


def function_stand_in(is_coroutine: bool, real: Callable[[], Any]) -> Any:
    """For a function: whether it is a coroutine function."""
    return _StandIn(real, _COROUTINE if is_coroutine else _PLAIN)
