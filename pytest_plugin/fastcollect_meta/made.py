"""Collectors and tests that a hook makes when it is called on the tests of a file, as lazy nodes from a record of their own."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Any

import pytest

from . import compat
from ._native import Record
from .effects import made_children
from .materialize import transfer
from .nodes import LazyCollector, classes_of
from .origin import MadeNodes, Origin


def made_of(origin: Origin) -> MadeNodes:
    """The nodes that a hook made, built when this is asked first.

    :raises Unrepresentable: where they can't be built here.
    """
    if origin.made is None:
        assert origin.record.made is not None
        record = Record(origin.record.made[1])
        own = Origin(record, origin.root, classes_of(record), None, origin.when_materialized)
        own.maker = origin
        origin.made = MadeNodes(own, {}, {})
        _build(origin.made, origin.root, 0)
    return origin.made


def _build(made: MadeNodes, collector: Any, index: int) -> None:
    origin = made.origin
    children = origin.record.build(collector, index, origin.classes, compat.ID_PARTS)
    made.children[collector] = children
    for child in children:
        number = child.__dict__["_fcm_index"]
        if isinstance(child, LazyCollector):
            child.__dict__["_fcm_origin"] = origin
            # the hook has collected it
            child.__dict__["_fcm_looked_at"] = True
            _build(made, child, number)
        else:
            made.items[origin.number(number)] = child


def adopt(made: MadeNodes, items: list[Any], known: Iterable[Any]) -> tuple[list[str], list[str]]:
    """Make the nodes real: the hook has just been called on the file's real tests.

    :param items: tests after it, in order; the nodes that stay take the place of those that are given up.
    :param known: the file's own nodes.

    Returns the ids of tests that it didn't make, and of those that it made besides.
    """
    root = made.origin.root
    reals = made_children(root, items, {root, *known})
    adoption = _Adoption(made, reals)
    adoption.children_of(root, root)
    items[:] = [adoption.moved.get(item, item) for item in items]
    compat.move_fixtures(root.session, adoption.moved)
    return adoption.missing, adoption.additional


class _Adoption:
    """Makes nodes real; notes which real ones were given up for that, and which nodes differ."""

    def __init__(self, made: MadeNodes, reals: dict[Any, list[Any]]) -> None:
        self._made = made
        self._reals = reals
        self.moved: dict[Any, Any] = {}
        self.missing: list[str] = []
        self.additional: list[str] = []

    def children_of(self, lazy: Any, real: Any) -> None:
        origin = self._made.origin
        by_name: defaultdict[str, deque[Any]] = defaultdict(deque)
        for child in self._reals.get(real, ()):
            by_name[child.name].append(child)
        for child in self._made.children.get(lazy, ()):
            found = by_name.get(origin.record.name(child.__dict__["_fcm_index"]))
            if not found:
                self._lose(child)
                continue
            other = found.popleft()
            self.moved[other] = child
            transfer(child, other, origin)
            if isinstance(child, pytest.Collector):
                self.children_of(child, other)
        self.additional += [child.nodeid for found in by_name.values() for child in found]

    def _lose(self, lazy: Any) -> None:
        self.missing.append(lazy.nodeid)
        self._made.origin.whole.lost.add(lazy)
        for child in self._made.children.get(lazy, ()):
            self._lose(child)
