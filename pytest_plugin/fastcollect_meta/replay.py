"""Hooks that are replayed: what one did to the whole list of tests is kept beside the manifest, and done again instead of
calling it while the list, the records that its tests come from and their markers are the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from . import compat
from .effects import NodeState, difference
from .nodes import LazyItem
from .options_key import all_options
from .origin import Origin
from .reasons import Unrepresentable

#: Effects that are kept in a file, the latest ones.
_KEPT = 20
_FORMAT = 1
#: Attributes that a node gets by being looked at.
_CACHES = frozenset({"_obj", "_instance", "_request", "funcargs", "location", "keywords"})


@dataclass(slots=True)
class ReplayFile:
    """Effects by the digest of what they were applied to, in a JSON file."""

    path: Path
    _effects: dict[str, Any] | None = None
    _new: dict[str, Any] = field(default_factory=dict)

    def _load(self) -> dict[str, Any]:
        if self._effects is None:
            self._effects = {}
            try:
                content = json.loads(self.path.read_bytes())
                if content["format"] == _FORMAT and isinstance(content["effects"], dict):
                    self._effects = content["effects"]
            except (OSError, ValueError, KeyError, TypeError):
                pass
        return self._effects

    def get(self, key: str, items: int) -> dict[str, Any] | None:
        """The effect that is known, if it fits a list of that many items."""
        effect = self._load().get(key)
        return effect if effect is not None and _fits(effect, items) else None

    def put(self, key: str, effect: dict[str, Any]) -> None:
        """Keep an effect from now on."""
        self._new[key] = effect

    def drop(self, key: str) -> None:
        """Take back what has just been put."""
        self._new.pop(key, None)

    def save(self) -> None:
        """Write what was put. A file that can't be written is one that is not there."""
        if not self._new:
            return
        self._effects = None  # others may have written meanwhile
        effects = self._load()
        for key, effect in self._new.items():
            effects.pop(key, None)
            effects[key] = effect
        self._new = {}
        for old in list(effects)[:-_KEPT]:
            del effects[old]
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            temporary.write_text(json.dumps({"format": _FORMAT, "effects": effects}))
            os.replace(temporary, self.path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _is_index(value: object, limit: int) -> bool:
    return type(value) is int and 0 <= value < limit


def _fits(effect: Any, items: int) -> bool:
    """Whether what a file says is an effect on that many items: nothing in it is trusted."""
    try:
        order, deselected, changes = effect["order"], effect["deselected"], effect["changes"]
        return (
            all(_is_index(index, items) for index in (*order, *deselected))
            and all(_is_index(change[0], items) and _is_index(change[1], 100) for change in changes)
            and all(
                isinstance(name, str) and isinstance(args, list) and isinstance(kwargs, dict)
                for change in changes
                for name, args, kwargs in (*change[2], *change[3])
            )
            and all(isinstance(key, str) for change in changes for key in (*change[4], *change[5]))
        )
    except (KeyError, TypeError, ValueError, IndexError):
        return False


def fingerprint(config: pytest.Config, hook: str, items: list[Any]) -> str | None:
    """A digest of a list of tests: which records they come from and what is known of them; None where not all do.

    And of pytest's options, all of them: who knows which of them the hook looks at.
    """
    digest = hashlib.sha256(hook.encode())
    for line in all_options(config):
        digest.update(line.encode("utf-8", "surrogateescape"))
    numbers: dict[Origin, int] = {}
    for item in items:
        if not isinstance(item, LazyItem):
            return None
        origin = item.parent.__dict__.get("_fcm_origin")  # type: ignore[attr-defined]
        if origin is None or origin.pending is not None:
            return None
        if origin not in numbers:
            numbers[origin] = len(numbers)
            # no two collections of a file take equally long: a file that was collected anew has another record
            stamp = f"\0{origin.root.path}\0{origin.record.duration!r}\0"
            digest.update(stamp.encode("utf-8", "surrogateescape"))
        marks = ",".join(mark.name for mark in item.iter_markers())  # type: ignore[attr-defined]
        what = f"{numbers[origin]} {item.__dict__['_fcm_index']} {marks}\n"
        digest.update(what.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _value(value: object) -> Any:
    """As JSON gives it back.

    :raises Unrepresentable: where it wouldn't be the same.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, dict) and all(type(key) is str for key in value):
        return {key: _value(entry) for key, entry in value.items()}
    raise Unrepresentable("hook-effect", f"a marker with {value!r} can't be kept")


def _marks(marks: list[Any]) -> list[Any]:
    return [
        [mark.name, [_value(arg) for arg in mark.args], _value(dict(mark.kwargs))] for mark in marks
    ]


@dataclass(slots=True)
class _Before:
    """The nodes of a list of items, before a hook is called on them."""

    hook: str
    items: list[Any]
    places: dict[Any, tuple[int, int]] = field(default_factory=dict)
    states: dict[Any, NodeState] = field(default_factory=dict)
    attributes: dict[Any, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for index, item in enumerate(self.items):
            node, height = item, 0
            while node is not None and node not in self.places:
                self.places[node] = (index, height)
                self.states[node] = NodeState.of(node)
                self.attributes[node] = self._attributes(node)
                node, height = node.parent, height + 1

    @staticmethod
    def _attributes(node: Any) -> frozenset[str]:
        names = {name for name in node.__dict__ if not name.startswith("_fcm")}
        return frozenset(names - _CACHES)

    def changes(self) -> list[Any]:
        """What has happened to each of them since.

        :raises Unrepresentable: where it can't be done to lazy nodes.
        """
        found = []
        for node, state in self.states.items():
            if self._attributes(node) != self.attributes[node]:
                raise Unrepresentable(
                    "hook-effect", f"{self.hook} sets attributes of {node.nodeid}"
                )
            if not state.is_same(node):
                _, first, last, keys, extra = difference(self.hook, node, 0, state)
                found.append([*self.places[node], _marks(first), _marks(last), keys, extra])
        return found

    def index(self, item: Any) -> int:
        """Place of an item in the list that the hook was given."""
        place = self.places.get(item)
        if place is None or place[1]:
            raise Unrepresentable("hook-effect", f"{self.hook} adds tests")
        return place[0]


class Replayer:
    """Serves one hook of one session.

    :param hook: its name.
    :param file: where effects are kept; None: it is always called.
    """

    def __init__(self, config: pytest.Config, hook: str, file: ReplayFile | None) -> None:
        self._config = config
        self._hook = hook
        self._file = file
        #: What has just been kept.
        self._put: str | None = None

    def serve(self, items: list[Any], call: Callable[[list[Any]], object]) -> bool:
        """Do to a list of items what the hook does; false where it was called for that."""
        key = (
            fingerprint(self._config, self._hook, items)
            if self._file is not None and items
            else None
        )
        if key is None or self._file is None:
            call(items)
            return False
        effect = self._file.get(key, len(items))
        if effect is not None:
            self._repeat(effect, items)
            return True
        for item in items:
            if isinstance(item, LazyItem):
                item._fcm_materialize()
        before = _Before(self._hook, list(items))
        deselected: list[Any] = []
        with compat.observed_deselection(self._config, deselected.extend):
            call(items)
        try:
            effect = {
                "changes": before.changes(),
                "order": [before.index(item) for item in items],
                "deselected": [before.index(item) for item in deselected],
            }
        except Unrepresentable:
            return False
        self._file.put(key, effect)
        self._put = key
        return False

    def after(self, items: list[Any], call: Callable[[], Any]) -> Any:
        """The part of a wrapper after the others: one that does something there is not replayed."""
        before = _Before(self._hook, list(items))
        returned = call()
        try:
            same = len(items) == len(before.items) and not before.changes()
            same = same and all(mine is theirs for mine, theirs in zip(items, before.items))
        except Unrepresentable:
            same = False
        if not same and self._file is not None and self._put is not None:
            self._file.drop(self._put)
        return returned

    def _repeat(self, effect: dict[str, Any], items: list[Any]) -> None:
        for index, height, first, last, keys, extra in effect["changes"]:
            node = items[index]
            for _ in range(height):
                node = node.parent
            for name, args, kwargs in reversed(first):
                node.add_marker(_marker(name, args, kwargs), append=False)
            for name, args, kwargs in last:
                node.add_marker(_marker(name, args, kwargs))
            for word in keys:
                node.keywords[word] = True
            node.extra_keyword_matches.update(extra)
        if effect["deselected"]:
            gone = [items[index] for index in effect["deselected"]]
            self._config.hook.pytest_deselected(items=gone)
        items[:] = [items[index] for index in effect["order"]]


def _marker(name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return compat.marker(name, tuple(args), kwargs)
