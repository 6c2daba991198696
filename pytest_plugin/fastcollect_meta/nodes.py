"""Lazy nodes: subclasses of pytest's (or a plugin's) own node classes that are answered from a record.

A lazy class is made for each real class. It carries the real class's name, adds no slots, and differs only in where
attributes come from; so a lazy node becomes a real one by a change of `__class__`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from . import compat
from .introspection import find_class
from .opaque import OPAQUE, LazyKeywords
from .origin import (
    NODE_COLLECTED,
    NODE_COROUTINE,
    NODE_FIXTURES,
    NODE_FUNCTION,
    NODE_STASH,
    Origin,
)
from .reasons import Unrepresentable
from .serving import serving
from .standins import class_stand_in, function_stand_in, module_stand_in

if TYPE_CHECKING:
    from .source import Source


class Served:
    """An attribute that is computed from the record once and then lies in the instance, as pytest's does.

    :param compute: gives the value for (origin, node, index); AttributeError where the real node has none.
    """

    __slots__ = ("compute", "name")

    def __init__(self, compute: Callable[[Origin, Any, int], Any]) -> None:
        self.compute = compute

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, node: Any, owner: type | None = None) -> Any:
        if node is None:
            raise AttributeError(self.name)
        origin = node._fcm_origin_of()
        index = node.__dict__["_fcm_index"]
        if self.name in origin.attributes(index):
            node._fcm_materialize()
            return getattr(node, self.name)
        value = node.__dict__[self.name] = self.compute(origin, node, index)
        return value


class _FunctionStandIn:
    """Has the keys that -k reads of a function's `__dict__`."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.__dict__.update(dict.fromkeys(keys))


class _ObjectStandIn:
    """Has the docstring that the tree of --collect-only -v shows."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc


def _keywords(origin: Origin, node: Any, index: int) -> Any:
    keywords = LazyKeywords(node)
    keywords._markers = origin.keywords(node, index)
    return keywords


def _stash(origin: Origin, node: Any, index: int) -> Any:
    if origin.record.flags(index) & NODE_STASH:
        node._fcm_materialize()
        return node.stash
    node._store = stash = pytest.Stash()
    return stash


def _originalname(origin: Origin, node: Any, index: int) -> str:
    name = origin.record.original(index)
    if name is None:
        raise AttributeError(f"{type(node).__name__!r} object has no attribute 'originalname'")
    return name


def _fixturenames(origin: Origin, node: Any, index: int) -> list[str]:
    if not origin.record.flags(index) & NODE_FIXTURES:
        raise AttributeError(f"{type(node).__name__!r} object has no attribute 'fixturenames'")
    return origin.fixtures(node, index)


def _location(origin: Origin, node: Any, index: int) -> tuple[str, int | None, str]:
    path, line, domain = origin.record.place(index)
    if path is None:
        path = compat.relative_path(node)
    return path, line, compat.dotted_name(node) or "" if domain is None else domain


class LazyNode:
    """What all lazy nodes have in common. Mixed in before the real class; adds no state of its own to the layout."""

    __slots__ = ()

    own_markers = Served(lambda origin, node, index: origin.marks(index))
    keywords = Served(_keywords)
    extra_keyword_matches = Served(lambda origin, node, index: set(origin.record.extra(index)))
    stash = Served(_stash)

    def _fcm_origin_of(self) -> Origin:
        raise NotImplementedError

    def _fcm_materialize(self) -> None:
        from .materialize import materialize

        materialize(self._fcm_origin_of(), self)

    def _fcm_real(self: Any, name: str) -> Callable[[], Any]:
        """Gives an attribute of the node when it is real."""

        def real() -> Any:
            if isinstance(self, LazyNode):
                self._fcm_materialize()
            return getattr(self, name)

        return real

    def __getattr__(self, name: str) -> Any:
        if not isinstance(self, LazyNode):
            # materialized by the property that was asked, whose real one has just raised AttributeError
            return getattr(self, name)
        state: dict[str, Any] = object.__getattribute__(self, "__dict__")
        if not name.startswith("_fcm") and "_fcm_index" in state and "_fcm_failing" not in state:
            if name in self._fcm_origin_of().attributes(state["_fcm_index"]):
                self._fcm_materialize()
                return getattr(self, name)
        inherited = getattr(super(), "__getattr__", None)
        if inherited is not None:
            return inherited(name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def obj(self) -> Any:
        if not issubclass(type(self), compat.PyobjMixin):
            return self.__getattr__("obj")
        if serving.docs and "_fcm_index" in self.__dict__:
            origin = self._fcm_origin_of()
            doc = origin.record.doc(self.__dict__["_fcm_index"])
            return None if doc is None else _ObjectStandIn(doc)
        if serving.lines and isinstance(self, pytest.Class) and "_fcm_index" in self.__dict__:
            from .class_lines import class_stand_in_with_line

            index = self.__dict__["_fcm_index"]
            found = class_stand_in_with_line(self._fcm_origin_of(), index, self._fcm_real("obj"))
            if found is not None:
                return found[0]
        self._fcm_materialize()
        return self.obj

    @obj.setter
    def obj(self, value: Any) -> None:
        self._fcm_materialize()
        self.obj = value


def _store_property() -> property:
    """The older name of `stash`."""
    return property(
        lambda self: self.stash, lambda self, value: compat.store_slot.__set__(self, value)
    )


class LazyItem(LazyNode):
    """An item that is answered from a record."""

    __slots__ = ()

    originalname = Served(_originalname)
    fixturenames = Served(_fixturenames)
    location = Served(_location)
    callspec = Served(lambda origin, node, index: origin.callspec(node, index))
    user_properties = Served(lambda origin, node, index: [])
    _report_sections = Served(lambda origin, node, index: [])

    def _fcm_origin_of(self: Any) -> Origin:
        return self.parent.__dict__["_fcm_origin"]  # type: ignore[no-any-return]

    def _fcm_high_scope(self: Any) -> bool:
        """Whether the file has parameters of a scope above function."""
        return self.parent.__dict__["_fcm_origin"].record.high_scope  # type: ignore[no-any-return]

    @property
    def function(self: Any) -> Any:
        if not issubclass(type(self), compat.PyobjMixin):
            return self.__getattr__("function")
        if serving.function_keys:
            record = self._fcm_origin_of().record
            index = self.__dict__["_fcm_index"]
            if not record.flags(index) & NODE_FUNCTION:
                return None
            return _FunctionStandIn(record.function_keys(index))
        if serving.coroutines:
            flags = self._fcm_origin_of().record.flags(self.__dict__["_fcm_index"])
            if flags & NODE_FUNCTION:
                return function_stand_in(bool(flags & NODE_COROUTINE), self._fcm_real("function"))
        self._fcm_materialize()
        return self.function

    @property
    def cls(self: Any) -> Any:
        if not issubclass(type(self), compat.PyobjMixin):
            return self.__getattr__("cls")
        if serving.grouping:
            parent = self.getparent(pytest.Class)
            return parent if parent is None or isinstance(parent, LazyNode) else parent.obj
        if serving.classes:
            found = self._fcm_stand_in(pytest.Class, "cls", class_stand_in)
            if found is not None:
                return found[0]
        self._fcm_materialize()
        return self.cls

    @property
    def module(self: Any) -> Any:
        if not issubclass(type(self), compat.PyobjMixin):
            return self.__getattr__("module")
        if serving.modules:
            found = self._fcm_stand_in(
                pytest.Module, "module", lambda names, real: module_stand_in(names[0], real)
            )
            if found is not None:
                return found[0]
        self._fcm_materialize()
        return self.module

    def _fcm_stand_in(
        self: Any, kind: type, name: str, make: Callable[[tuple[str, ...], Any], Any]
    ) -> tuple[Any] | None:
        """The one stand-in for the object of the collector of that kind, None where there is no making one."""
        collector = self.getparent(kind)
        if collector is None:
            return (None,)
        state = collector.__dict__
        if "_fcm_index" not in state or "_fcm_origin" not in state:
            return None
        if "_fcm_stand_in" not in state:
            names = state["_fcm_origin"].record.object(state["_fcm_index"])
            state["_fcm_stand_in"] = make(names, self._fcm_real(name)) if names else None
        found = state["_fcm_stand_in"]
        return None if found is None else (found,)

    @property
    def instance(self: Any) -> Any:
        if not issubclass(type(self), compat.PyobjMixin):
            return self.__getattr__("instance")
        self._fcm_materialize()
        return self.instance


def is_early(origin: Origin, node: Any, index: int) -> bool:
    """Whether this is a class that pytest has not looked at yet: its object's markers become the node's when it does.

    That is when the class is collected; hooks may have given it others before.
    """
    return (
        "_fcm_looked_at" not in node.__dict__
        and real_class(node) in compat.CLASSES
        and bool(origin.record.flags(index) & NODE_COLLECTED)
    )


def _look_at(node: Any, origin: Origin, index: int) -> None:
    """What the first look at its object does to a class."""
    early = is_early(origin, node, index)
    state: dict[str, Any] = node.__dict__
    state["_fcm_looked_at"] = True
    if early and "own_markers" in state:
        state["own_markers"].extend(origin.marks(index))
        node.keywords.update((mark.name, mark) for mark in state["own_markers"])


def _collector_keywords(origin: Origin, node: Any, index: int) -> Any:
    keywords = LazyKeywords(node)
    if is_early(origin, node, index):
        keys = dict.fromkeys(origin.record.keys(index), OPAQUE)
        keywords._markers = {origin.record.name(index): True, **keys}
    else:
        keywords._markers = origin.keywords(node, index)
    return keywords


class LazyCollector(LazyNode):
    """A class, or another collector inside a file, that is answered from a record."""

    __slots__ = ()

    own_markers = Served(
        lambda origin, node, index: [] if is_early(origin, node, index) else origin.marks(index)
    )
    keywords = Served(_collector_keywords)

    def _fcm_origin_of(self: Any) -> Origin:
        return self.__dict__["_fcm_origin"]  # type: ignore[no-any-return]

    @property
    def collect(self: Any) -> Callable[[], Iterable[Any]]:
        """As the method; a property, so that no frame of ours lies in the traceback of what collecting raises."""
        from .materialize import collecting_here

        origin = self.__dict__["_fcm_origin"]
        index = self.__dict__["_fcm_index"]
        known = origin.record.flags(index) & NODE_COLLECTED and origin.maker is None
        if origin.pending is not None or not known:
            return collecting_here(self)
        return partial(_collect_recorded, self, origin, index)

    @collect.setter
    def collect(self: Any, value: Callable[[], Iterable[Any]]) -> None:
        self._fcm_materialize()
        self.collect = value


def _collect_recorded(node: Any, origin: Origin, index: int) -> list[Any]:
    if origin.repeat_warnings is not None:
        origin.repeat_warnings(origin.warnings.get(index, ()))
    _look_at(node, origin, index)
    return build_children(node, origin, index)


class LazyFile(LazyNode):
    """A file's collector. Before it is collected it knows nothing; then it has the record that its source gave.

    Its state lies in the node: `_fcm_source` before, and `_fcm_collect` where somebody has looked at `collect`; `_fcm_origin` and
    `_fcm_index` (0) after.
    """

    __slots__ = ()

    def _fcm_origin_of(self: Any) -> Origin:
        return self.__dict__["_fcm_origin"]  # type: ignore[no-any-return]

    def _fcm_materialize(self: Any) -> None:
        if "_fcm_origin" in self.__dict__:
            from .materialize import materialize

            materialize(self._fcm_origin_of(), self)
        else:
            source: Source = self.__dict__["_fcm_source"]
            source.went_native(self, "asked-before-collection", "")

    @property
    def collect(self: Any) -> Callable[[], Iterable[Any]]:
        """As the method; a property, so that no frame of ours lies in the traceback of what collecting raises."""
        state: dict[str, Any] = self.__dict__
        if "_fcm_collect" not in state:
            source: Source = state["_fcm_source"]
            found = source.collecting(self)
            if not isinstance(self, LazyFile):
                return found
            state["_fcm_collect"] = found
        return state["_fcm_collect"]  # type: ignore[no-any-return]

    @collect.setter
    def collect(self: Any, value: Callable[[], Iterable[Any]]) -> None:
        if "_fcm_origin" in self.__dict__:
            self._fcm_materialize()
        else:
            source: Source = self.__dict__["_fcm_source"]
            if source.must_not_import(self):
                return
            source.went_native(self, "collect-replaced", "")
        self.collect = value


_lazy_classes: dict[tuple[type, type], type] = {}


def lazy_class(real: type, kind: type) -> type:
    """The lazy class of that kind (LazyItem, LazyCollector, LazyFile) for a real class.

    :raises Unrepresentable: where nodes of the real class can't change their class to it and back.
    """
    found = _lazy_classes.get((real, kind))
    if found is not None:
        return found
    names: dict[str, Any] = {
        "__slots__": (),
        "__module__": real.__module__,
        "__qualname__": real.__qualname__,
        "__doc__": real.__doc__,
    }
    if kind is not LazyFile:
        names["_store"] = _store_property()
    if issubclass(real, compat.PyobjMixin) and not compat.has_object(real):
        names["obj"] = inspect.getattr_static(real, "obj")
    try:
        made = type(real)(real.__name__, (kind, real), names)
        # A probe: the interpreter decides whether the layouts are compatible.
        probe: Any = object.__new__(made)
        probe.__class__ = real
        probe.__class__ = made
    except TypeError as error:
        raise Unrepresentable(
            "class-layout", f"{real.__module__}:{real.__qualname__}: {error}"
        ) from None
    _lazy_classes[real, kind] = made
    _real_classes[made] = real
    return made


_real_classes: dict[type, type] = {}


def real_class(node: object) -> type:
    """The real class that a lazy node stands in for; for a real node its own class."""
    cls = type(node)
    return _real_classes.get(cls, cls)


def is_lazy(node: object) -> bool:
    """Whether this is a lazy item that is not materialized."""
    return isinstance(node, LazyItem)


def classes_of(record: Any) -> tuple[type, ...]:
    """The lazy classes for a record's class names, in their order.

    :raises Unrepresentable: where one isn't loaded, or is no class of nodes.
    """
    made: list[type] = []
    for name in record.classes:
        real = find_class(name)
        if real is None:
            raise Unrepresentable("class-not-loaded", name)
        if issubclass(real, pytest.Item):
            made.append(lazy_class(real, LazyItem))
        elif issubclass(real, pytest.File):
            made.append(real)
        elif issubclass(real, pytest.Collector):
            made.append(lazy_class(real, LazyCollector))
        else:
            raise Unrepresentable("class-not-loaded", f"{name} is no class of nodes")
    return tuple(made)


def build_children(node: Any, origin: Origin, index: int) -> list[Any]:
    """Lazy children of a collector, and the note of them that materialization needs."""
    children: list[Any] = origin.record.build(node, index, origin.classes, compat.ID_PARTS)
    for child in children:
        if isinstance(child, LazyCollector):
            child.__dict__["_fcm_origin"] = origin
    node.__dict__.setdefault("_fcm_children", []).append(children)
    return children
