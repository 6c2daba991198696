"""Calls hooks that are treated per file again, on the real nodes of a file that has just been materialized.

What they do to markers and keywords has been repeated from the record before, so that is taken back. What they do
besides (attributes of tests, of functions, of modules) stays, and markers whose arguments weren't in the record get them.
"""

from __future__ import annotations

from typing import Any

import pytest

from . import compat
from .effects import AFTER, NodeState, added_marks, finish_wrapper
from .made import adopt
from .opaque import resolve_mark
from .origin import Origin
from .treatments import PER_FILE_HOOKS, TreatedHook, Treatments


class Rerun:
    """Calls the hooks of a session that have been repeated on the nodes of records.

    :param treatments: the session's hooks.
    """

    def __init__(self, treatments: Treatments) -> None:
        self._treatments = treatments

    def is_due(self, origin: Origin) -> bool:
        """Whether hooks have done something to a file, or would now: `run` then needs its nodes' states before them."""
        return any(origin.effects[name].acts for name in origin.applied) or any(
            treated.does_something() for treated in self._applied(origin).values()
        )

    def run(self, origin: Origin) -> tuple[list[str], list[str]]:
        """Call those that have been repeated on the nodes of a record.

        Their states before any hook are in `origin.bases`, which are used up; where they weren't due, those that they have.

        Returns ids of tests that hooks made when the record was made and don't make now, and of those that they make besides.
        """
        differing: tuple[list[str], list[str]] = ([], [])
        applied = self._applied(origin)
        if not any(treated.does_something() for treated in applied.values()):
            origin.bases = {}
            return differing
        bases = origin.bases or {node: NodeState.of(node) for node in origin.numbers}
        origin.bases = {}
        merged = {node: NodeState.of(node) for node in bases}
        for node, base in bases.items():
            base.restore(node)
        waiting: dict[str, Any] = {}
        items = [node for node in bases if isinstance(node, pytest.Item)]
        try:
            with compat.intercepted_deselection(origin.root.config, lambda gone: None):
                for name, treated in applied.items():
                    if not treated.does_something():
                        continue
                    before = {node: list(node.own_markers) for node in bases}
                    if name.endswith(AFTER):
                        generator = waiting.pop(treated.id, None)
                        if generator is not None:
                            finish_wrapper(treated, generator)
                    else:
                        made = _call(treated, origin, items, list(bases))
                        if treated.is_wrapper:
                            next(made)
                            waiting[treated.id] = made
                    _resolve(origin, name, before)
                    if origin.effects[name].makes and origin.made is not None:
                        differing = adopt(origin.made, items, bases)
        finally:
            for node, state in merged.items():
                state.restore(node)
        return differing

    def _applied(self, origin: Origin) -> dict[str, TreatedHook]:
        """The hooks that have been repeated, by their name and phase, in the order in which they were."""
        hooks = {treated.id: treated for treated in self._treatments.hooks}
        found = {
            name: hooks.get(name.removesuffix(AFTER))
            for name in origin.effects
            if name in origin.applied
        }
        return {name: treated for name, treated in found.items() if treated is not None}


def _call(treated: TreatedHook, origin: Origin, items: list[Any], nodes: list[Any]) -> Any:
    argument = PER_FILE_HOOKS[treated.hook]
    if argument == "items":
        session = origin.root.session
        return treated.call({"session": session, "config": session.config, "items": items})
    kind = pytest.Item if argument == "item" else pytest.Collector
    for node in nodes:
        if isinstance(node, kind):
            treated.call({argument: node})
    return None


def _resolve(origin: Origin, name: str, before: dict[Any, list[Any]]) -> None:
    """Markers of the record take over what the hook has just made."""
    changes = origin.effects[name].changes
    for node, marks in before.items():
        for first, last, *_ in changes.get(origin.numbers[node], ()):
            real_first, real_last = added_marks(name, node, marks)
            for number, real in zip((*first, *last), (*real_first, *real_last)):
                resolve_mark(origin.mark(number), real)
