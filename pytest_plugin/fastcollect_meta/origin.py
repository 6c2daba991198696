"""Where the lazy nodes of one file come from: its record, what was made of it, and how far it is materialized."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import compat
from .opaque import OPAQUE, GroupingStandIn, LazyParams, NamedStandIn, make_lazy_mark

if TYPE_CHECKING:
    from pytest import Collector

    from ._native import Record
    from .effects import NodeState
    from .rerun import Rerun

#: Bits of Record.node_flags, as in schema/record.h.
NODE_ITEM = 1 << 0
NODE_FUNCTION = 1 << 1
NODE_STASH = 1 << 3
NODE_FIXTURES = 1 << 4
NODE_COLLECTED = 1 << 5
NODE_COROUTINE = 1 << 6


class State(enum.Enum):
    """How far the nodes of a record are materialized."""

    LAZY = "lazy"
    RUNNING = "running"
    REAL = "real"
    FAILED = "failed"


@dataclass(slots=True)
class Effect:
    """What one hook that is treated per file did.

    :param order: items after it, None for as before.
    :param deselected: items that it reported as deselected.
    :param changes: by node: markers put before and after the own ones, keywords, extra keywords.
    """

    order: tuple[int, ...] | None
    deselected: tuple[int, ...]
    changes: dict[int, list[tuple[Any, ...]]]
    #: Whether it made tests.
    makes: bool = False

    @property
    def acts(self) -> bool:
        """Whether the hook did anything."""
        return bool(self.makes or self.changes or self.deselected or self.order is not None)


@dataclass(slots=True)
class MadeNodes:
    """Lazy nodes that a hook made.

    :param origin: of their own.
    :param children: of the file's collector and of those that were made.
    :param items: the tests by their number in effects.
    """

    origin: Origin
    children: dict[Any, list[Any]]
    items: dict[int, Any]


def _effects(record: Record) -> dict[str, Effect]:
    hooks = [(name, Effect(order, gone, {})) for name, order, gone in record.hooks]
    for hook, node, *change in record.changes:
        hooks[hook][1].changes.setdefault(node, []).append(tuple(change))
    effects = dict(hooks)
    if record.made is not None:
        effects[record.made[0]].makes = True
    return effects


class Origin:
    """One record in use.

    :param record: what the farm, the manifest or this process recorded.
    :param root: the collector whose record it is.
    :param classes: the lazy class for each class name of the record.
    :param pending: children that were collected in this process, by collector; None where they are still to be.
    """

    __slots__ = (
        "_attributes",
        "_fixtures",
        "_keywords",
        "_marks",
        "applied",
        "bases",
        "classes",
        "effects",
        "error",
        "filters",
        "has_lazy_marks",
        "import_before",
        "lost",
        "made",
        "maker",
        "mismatch",
        "numbers",
        "pending",
        "record",
        "repeat_warnings",
        "rerun",
        "root",
        "state",
        "told",
        "wants_bases",
        "warnings",
        "when_materialized",
        "without_later",
    )

    def __init__(
        self,
        record: Record,
        root: Collector,
        classes: tuple[type, ...],
        pending: dict[Any, list[Any]] | None,
        when_materialized: Callable[[Origin], None],
    ) -> None:
        self.record = record
        self.root = root
        self.classes = classes
        self.pending = pending
        self.state = State.LAZY
        #: Filters of warnings that other files have set, and that hold when it is imported.
        self.filters: Sequence[Any] = ()
        #: What went wrong when it was materialized.
        self.error: BaseException | None = None
        #: Nodes that the real collection doesn't have.
        self.lost: set[Any] = set()
        #: Names of tests that differ, for the error: missing, additional.
        self.mismatch: tuple[list[str], list[str]] | None = None
        #: Whether somebody has been told of it.
        self.told = False
        self.when_materialized = when_materialized
        #: Imports what has to be imported before this file.
        self.import_before: Callable[[], None] | None = None
        #: While it is materialized: hides the fixtures that were registered after its collection.
        self.without_later: Callable[[], AbstractContextManager[None]] = nullcontext
        #: Warnings by the number of the collector, below the file, that raised them when it was collected.
        self.warnings: dict[int, Any] = {}
        self.repeat_warnings: Callable[[Any], None] | None = None
        #: What hooks that are treated per file did, by their name and phase.
        self.effects: dict[str, Effect] = _effects(record) if record.hooks else {}
        #: Those of them that have been repeated on its nodes.
        self.applied: set[str] = set()
        #: Calls them again on the real nodes.
        self.rerun: Rerun | None = None
        #: The nodes that one of these hooks made, once it has been repeated.
        self.made: MadeNodes | None = None
        #: Of made nodes: the record in use on whose nodes the hook was called, and that knows how far they are materialized.
        self.maker: Origin | None = None
        #: Real nodes, while they become it: their state before any of these hooks where that is wanted, and their numbers
        #: in the record.
        self.wants_bases = False
        self.bases: dict[Any, NodeState] = {}
        self.numbers: dict[Any, int] = {}
        #: Whether one of its markers is without its arguments until the file is materialized.
        self.has_lazy_marks = False
        self._marks: dict[int, Any] = {}
        self._fixtures: dict[tuple[Any, ...], list[str]] = {}
        self._keywords: dict[int, dict[str, Any]] = {}
        self._attributes: dict[tuple[str, ...], frozenset[str]] = {}

    @property
    def whole(self) -> Origin:
        """The record of the file."""
        return self if self.maker is None else self.maker

    def number(self, index: int) -> int:
        """The number by which effects know the node at that index."""
        return index if self.maker is None else self.maker.record.nodes + index

    def materialize(self) -> None:
        """Materialize all of its nodes."""
        from .materialize import materialize

        materialize(self, self.root)

    def mark(self, number: int) -> Any:
        """The marker with that number; the same object for every node that has it."""
        found = self._marks.get(number)
        if found is None:
            name, args, kwargs = self.record.mark(number)
            if args is OPAQUE or kwargs is OPAQUE:
                found = make_lazy_mark(name, self.materialize)
                self.has_lazy_marks = True
            else:
                found = compat.make_mark(name, args, kwargs)
            self._marks[number] = found
        return found

    def marks(self, index: int) -> list[Any]:
        """A node's own markers, in a new list."""
        return [self.mark(number) for number in self.record.marks(index)]

    def attributes(self, index: int) -> frozenset[str]:
        """Instance attributes of a node that only materialization can serve."""
        names = self.record.attributes(index)
        found = self._attributes.get(names)
        if found is None:
            found = self._attributes[names] = frozenset(names)
        return found

    def fixtures(self, node: Any, index: int) -> list[str]:
        """Fixture names of an item; functions of one definition share the list, as pytest's do."""
        original = self.record.original(index)
        if not self.record.has_call(index):
            return list(self.record.fixtures(index))
        names = self.record.fixtures(index)
        key = (id(node.parent), original, names)
        found = self._fixtures.get(key)
        if found is None:
            found = self._fixtures[key] = list(names)
        return found

    def keywords(self, node: Any, index: int) -> dict[str, Any]:
        """Own keywords of a node: what pytest's constructors put in, in their order."""
        lists = self.record.keyword_lists(index)
        shared = self._keywords.get(lists)
        if shared is None:
            shared = {mark.name: mark for mark in self.marks(index)}
            shared.update(dict.fromkeys(self.record.keys(index), OPAQUE))
            self._keywords[lists] = shared
        own: dict[str, Any] = {self.record.name(index): True, **shared}
        params = self.record.params(index)
        if params is not None:
            own[params] = True
        return own

    def _grouping(self, key: int | str) -> object:
        """What an opaque value with that key is grouped by; what isn't hashable goes by its index."""
        if isinstance(key, str):
            return NamedStandIn(key)
        return GroupingStandIn((id(self), key)) if key else []

    def callspec(self, node: Any, index: int) -> Any:
        """The callspec of a parametrized item."""
        call = self.record.call(index)
        if call is None:
            raise AttributeError(f"{type(node).__name__!r} object has no attribute 'callspec'")
        names, values, numbers, scopes, ids, marks, keys = call
        params: dict[str, object] = dict(zip(names, values))
        if OPAQUE in values:
            grouping: dict[str, object] = {
                name: self._grouping(key)
                for name, value, key in zip(names, values, keys)
                if value is OPAQUE
            }
            if self.pending is not None:
                # Collected here, child by child: the value itself is there.
                collected: Any = self.pending[self.root][index - 1]
                grouping = {name: collected.callspec.params[name] for name in grouping}

            def fetch() -> dict[str, object]:
                self.materialize()
                real: dict[str, object] = node.callspec.params
                return real

            params = LazyParams(params, grouping, fetch)
        return compat.make_callspec(
            params,
            dict(zip(names, numbers)),
            {name: compat.SCOPES[scope] for name, scope in zip(names, scopes)},
            list(ids),
            [self.mark(number) for number in marks],
        )
