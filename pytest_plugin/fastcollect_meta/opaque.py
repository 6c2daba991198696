"""Values that a record doesn't hold: they are fetched by materializing when somebody looks at them."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from . import compat
from .introspection import find_object
from .serving import serving

#: Stands in a dict for a value that must be fetched.
OPAQUE: Any = NotImplemented


class LazyMark(compat.Mark):  # type: ignore[misc,name-defined]
    """A marker whose arguments are not in the record.

    `_fcm_fetch` materializes the node that it belongs to, which turns this object into the real marker.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in ("args", "kwargs"):
            raise AttributeError(f"'Mark' object has no attribute {name!r}")
        self.__dict__["_fcm_fetch"]()
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(f"the marker {self.name!r} is gone: its test changed") from None

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        self.args  # noqa: B018 - fetches
        return bool(self == other)

    def __hash__(self) -> int:
        self.args  # noqa: B018 - fetches
        return hash(self)


LazyMark.__name__ = "Mark"
LazyMark.__qualname__ = "Mark"
LazyMark.__module__ = compat.Mark.__module__  # type: ignore[attr-defined]


def make_lazy_mark(name: str, fetch: Callable[[], object]) -> LazyMark:
    """A marker with that name, whose arguments `fetch` brings through `resolve_mark`."""
    made = object.__new__(LazyMark)
    made.__dict__.update(
        name=name, _param_ids_from=None, _param_ids_generated=None, _fcm_fetch=fetch
    )
    return made


def resolve_mark(lazy: object, real: Any) -> None:
    """Turn a lazy marker into what the real one is."""
    if isinstance(lazy, LazyMark):
        lazy.__dict__.clear()
        lazy.__dict__.update(real.__dict__)
        object.__setattr__(lazy, "__class__", compat.Mark)  # type: ignore[attr-defined]


class GroupingStandIn:
    """A hashable stand-in for an opaque value: equal to those that pytest would group with it."""

    __slots__ = ("key",)

    def __init__(self, key: tuple[object, int]) -> None:
        self.key = key

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GroupingStandIn) and other.key == self.key


class NamedStandIn:
    """Stands for a class or function in the grouping of tests of several files: for itself where it is loaded here."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def value(self) -> object:
        """What pytest is to group by now."""
        found = find_object(self.name)
        return GroupingStandIn((self.name, 0)) if found is None else found


class LazyParams(dict[str, object]):
    """Parameters of a call of which some are not in the record.

    :param grouping: for each opaque parameter what it is grouped by while pytest reorders items.
    :param fetch: materializes; gives the real parameters.
    """

    __slots__ = ("fetch", "grouping")

    def __init__(
        self,
        values: dict[str, object],
        grouping: dict[str, object],
        fetch: Callable[[], Mapping[str, object]],
    ) -> None:
        super().__init__(values)
        self.grouping = grouping
        self.fetch = fetch

    def _resolve(self) -> None:
        real = self.fetch()
        for name in self.grouping:
            if name in self and dict.__getitem__(self, name) is OPAQUE:
                self[name] = real[name]
        self.grouping = {}

    def __getitem__(self, name: str) -> object:
        value = super().__getitem__(name)
        if value is not OPAQUE:
            return value
        if serving.grouping:
            value = self.grouping[name]
            return value.value() if type(value) is NamedStandIn else value
        self._resolve()
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        return super().keys()

    def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
        return self[name] if name in self else default

    def items(self) -> ItemsView[str, object]:  # type: ignore[override]
        if serving.grouping:
            return {name: self[name] for name in self}.items()
        self._resolve()
        return super().items()

    def values(self) -> ValuesView[object]:  # type: ignore[override]
        return dict(self.items()).values()

    def pop(self, name: str, *default: object) -> object:  # type: ignore[override]
        self._resolve()
        return super().pop(name, *default)

    def copy(self) -> dict[str, object]:
        return dict(self.items())

    def __eq__(self, other: object) -> bool:
        self._resolve()
        return dict.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        self._resolve()
        return super().__repr__()

    def __reduce__(self) -> Any:
        return dict, (self.copy(),)


class LazyKeywords(compat.KeywordsOfNode):  # type: ignore[misc]
    """Keywords of a lazy node; a value that is not in the record materializes the node."""

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if value is OPAQUE:
            self.node._fcm_materialize()  # type: ignore[attr-defined]
            return self.node.keywords[key]
        return value
