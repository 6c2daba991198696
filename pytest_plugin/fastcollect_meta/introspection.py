"""What the C walk over collected nodes asks of Python: rare per-class and per-function questions.

`worker/introspect.c` calls the functions of this module by name.
"""

from __future__ import annotations

import inspect
import os
import sys
from types import FunctionType, ModuleType
from typing import Any

from pytest import Item

from . import compat
from .reasons import Unrepresentable

__all__ = ["STRUCTURED_IDS", "Item", "Unrepresentable"]

#: Whether a node's id is made of parts rather than of its name.
STRUCTURED_IDS = compat.ID_SLOT == "_id"

#: Instance attributes that lazy nodes serve from a record; every other one materializes.
SERVED = frozenset(
    {
        "own_markers",
        "keywords",
        "extra_keyword_matches",
        "stash",
        "_report_sections",
        "user_properties",
        "originalname",
        "callspec",
        "fixturenames",
        "location",
    }
)

_scope_numbers = {"session": 0, "package": 1, "module": 2, "class": 3, "function": 4}


def class_name(cls: type) -> str:
    """The name under which a class can be found again: "module:qualname".

    :raises Unrepresentable: where it can't be found under that name.
    """
    name = f"{cls.__module__}:{cls.__qualname__}"
    if find_class(name) is not cls:
        raise Unrepresentable("class-not-importable", name)
    return name


def find_object(name: str) -> Any:
    """What has the name "module:qualname" among the modules that are loaded, None for nothing; nothing is imported."""
    module_name, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module_name)
    for part in qualname.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return found


def find_class(name: str) -> type | None:
    """The class with that name among the modules that are loaded; nothing is imported."""
    found = find_object(name)
    return found if isinstance(found, type) else None


def docstring(obj: object) -> str | None:
    """The docstring as `inspect.getdoc` gives it, or None."""
    try:
        doc = inspect.getdoc(obj) if obj else None
    except MemoryError:
        raise
    except Exception:
        return None
    return doc if isinstance(doc, str) else None


def place(item: Item) -> tuple[str, int | None, str | None]:
    """An item's location; its third part is None where it is the dotted name that any function has.

    :raises Unrepresentable: where asking for it fails.
    """
    if (code := compat.own_code(item)) is not None:
        return relative_path(item), code.co_firstlineno - 1, None
    try:
        path, line, domain = item.location
    except Exception as error:
        raise Unrepresentable("location", repr(error)) from None
    return path, line, None if domain == compat.dotted_name(item) else domain


def relative_path(collector: Any) -> str:
    """First part of the location of an item that is defined in the collector's own file."""
    return compat.relative_path(collector)


def path_bytes(collector: Any) -> bytes:
    """The collector's path, in the file system's encoding."""
    return os.fsencode(collector.path)


def scope_number(scope: Any) -> int:
    """Number of a scope in a record."""
    return _scope_numbers[scope.value]


def _shared_name(value: object) -> str | None:
    """The name of a class or function that is equal to itself only, under which it can be found in any process."""
    kind = type(value)
    if kind is not FunctionType and not isinstance(value, type):
        return None
    if kind.__eq__ is not object.__eq__ or kind.__hash__ is not object.__hash__:
        return None
    name = f"{getattr(value, '__module__', None)}:{getattr(value, '__qualname__', None)}"
    return name if find_object(name) is value else None


def grouping_key(value: object, scope: int) -> object:
    """Hashable stand-in by which pytest groups an opaque value of a high scope; None where it groups by index.

    A name where values of several files have to be compared.

    :raises Unrepresentable: where those can't be.
    """
    if not compat.GROUPS_BY_VALUE:
        return None
    try:
        hash(value)
    except TypeError:
        return None
    if scope < _scope_numbers["module"]:
        name = _shared_name(value)
        if name is None:
            raise Unrepresentable("shared-parameter", f"a value of type {type(value).__qualname__}")
        return name
    return compat.param_value_key(value)


def is_coroutine(function: object) -> bool:
    """What inspect.iscoroutinefunction says."""
    return inspect.iscoroutinefunction(function)


def is_matched_attribute(name: object) -> bool:
    """Whether -k looks at an attribute of a function with that name; true for what is no name."""
    return not isinstance(name, str) or compat.is_matched_attribute(name)


def object_names(collector: object, obj: object) -> list[str]:
    """What a collector's object is made of, as the record holds it: classes of a class, itself first; a module's name.

    Nothing for a class that stands for another object (`__wrapped__`).
    """
    if isinstance(obj, type):
        try:
            if hasattr(obj, "__wrapped__"):
                return []
        except MemoryError:
            raise
        except Exception:
            return []
        return [f"{cls.__module__}:{cls.__qualname__}" for cls in obj.__mro__[:-1]]
    name = getattr(obj, "__name__", None)
    return [name] if isinstance(obj, ModuleType) and isinstance(name, str) else []
