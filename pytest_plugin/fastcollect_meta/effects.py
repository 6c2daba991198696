"""What hooks that are treated per file do to the nodes of one file: run on the real nodes, noted, and taken back.

Used where a file is collected: in a worker, or in the main process for files that it collects itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from . import _native, compat
from ._wire import pack
from .reasons import Unrepresentable
from .sorting import is_sorted
from .treatments import TreatedHook, Treatment, Treatments

#: (node, markers put before, markers put after, keywords set to True, extra keywords)
Change = tuple[int, list[Any], list[Any], list[str], list[str]]
#: (name of the hook and its phase, items after it or None, items that were deselected, changes)
Effect = tuple[str, "list[int] | None", list[int], list[Change]]

#: Appended to the name of a wrapper for what it does after the others.
AFTER = " after"


class _Marks(list[Any]):
    """Markers of a node that had none: counts those that are put before the others."""

    first = 0

    def insert(self, index: Any, mark: Any) -> None:
        if index == 0:
            self.first += 1
        super().insert(index, mark)


@dataclass(slots=True)
class NodeState:
    """What hooks may do to a node, as it was at some time."""

    marks: list[Any]
    keywords: dict[str, Any]
    extra: set[str]
    name: str
    nodeid: str

    @classmethod
    def of(cls, node: Any) -> NodeState:
        """As it is now."""
        return cls(
            list(node.own_markers),
            dict(compat.own_keywords(node)),
            set(node.extra_keyword_matches),
            node.name,
            node.nodeid,
        )

    def is_same(self, node: Any) -> bool:
        """Whether it is as it was."""
        return (
            len(self.marks) == len(node.own_markers)
            and all(mine is theirs for mine, theirs in zip(self.marks, node.own_markers))
            and len(self.extra) == len(node.extra_keyword_matches)
            and self.keywords == compat.own_keywords(node)
            and self.name == node.name
            and self.nodeid == node.nodeid
        )

    def restore(self, node: Any) -> None:
        """Make it as it was, but for its name."""
        node.own_markers[:] = self.marks
        compat.set_own_keywords(node, self.keywords)
        node.extra_keyword_matches.clear()
        node.extra_keyword_matches.update(self.extra)


def _unrepresentable(hook: str, node: Any, what: str) -> Unrepresentable:
    return Unrepresentable("hook-effect", f"{hook}: {what} of {node.nodeid}")


def added_marks(hook: str, node: Any, before: list[Any]) -> tuple[list[Any], list[Any]]:
    """Markers that were put before and after those that a node had."""
    now = node.own_markers
    number = len(before)
    for at in range(len(now) - number + 1):
        if all(mine is theirs for mine, theirs in zip(before, now[at : at + number])):
            at = at if number else getattr(now, "first", 0)
            return list(now[:at]), list(now[at + number :])
    raise _unrepresentable(hook, node, "it removes or reorders markers")


def difference(hook: str, node: Any, number: int, before: NodeState) -> Change:
    """What happened to a node.

    :param number: of the node in the record.
    :raises Unrepresentable: for what can't be repeated on a lazy node.
    """
    if (before.name, before.nodeid) != (node.name, node.nodeid):
        raise _unrepresentable(hook, node, "it changes the name")
    first, last = added_marks(hook, node, before.marks)
    keywords = compat.own_keywords(node)
    implied = {mark.name: mark for mark in (*reversed(first), *last)}
    keys = []
    for key, value in keywords.items():
        if key in implied and compat.is_keyword_of_mark(value, implied[key]):
            del implied[key]
        elif key not in before.keywords and value is True:
            keys.append(key)
        elif key not in before.keywords or before.keywords[key] is not value:
            raise _unrepresentable(hook, node, f"it sets the keyword {key!r}")
    if implied or not before.keywords.keys() <= keywords.keys():
        raise _unrepresentable(hook, node, "keywords and markers don't agree, or are removed")
    if not before.extra <= node.extra_keyword_matches:
        raise _unrepresentable(hook, node, "it removes extra keywords")
    return number, first, last, keys, sorted(node.extra_keyword_matches - before.extra)


@dataclass(slots=True)
class FileEffects:
    """What the hooks did to one file.

    :param made: the collectors and tests that one of them made, as children by collector; the first one is the file's.
    :param made_by: number of that hook, from 1; 0: none.
    """

    hooks: list[Effect]
    made: dict[Any, list[Any]]
    made_by: int

    def packed_made(self, root: Any) -> bytes:
        """What was made, as a part of the packed record.

        :raises Unrepresentable: where it can't be represented.
        """
        if not self.made_by:
            return b""
        made = _native.encode(root, self.made, {})
        if _native.Record(made).high_scope:
            raise Unrepresentable("hook-effect", "it makes tests with parameters of higher scopes")
        return pack("Record", {"made": made, "made_by": self.made_by})


class FileHooks:
    """Runs the hooks of a session that are treated per file. Made when the session is prepared."""

    def __init__(
        self, config: pytest.Config, session: pytest.Session, treatments: Treatments
    ) -> None:
        self._config = config
        self._session = session
        self._treatments = treatments

    def conftests(self) -> list[str]:
        """Files of the conftests among them: what a record depends on."""
        self._treatments.look()
        files = [
            getattr(treated.implementation.plugin, "__file__", None)
            for treated in self._treatments.hooks
            if treated.declaration.treatment is Treatment.PER_FILE
        ]
        return sorted({file for file in files if file and file.endswith("conftest.py")})

    def run(self, root: Any, children: dict[Any, list[Any]]) -> FileEffects:
        """Run them on a file that has just been collected, and take back what they did. The part of a record that says it.

        :raises Unrepresentable: where they do more than a record can hold.
        """
        self._treatments.look()
        hooks = {
            hook: self._treatments.in_order(hook, Treatment.PER_FILE)
            for hook in (
                "pytest_collectstart",
                "pytest_itemcollected",
                "pytest_collection_modifyitems",
            )
        }
        found = [treated for each in hooks.values() for treated in each]
        if not any(treated.does_something() for treated in found):
            return FileEffects([(treated.id, None, [], []) for treated in found], {}, 0)
        return _Run(self._config, self._session, hooks, root, children).run()


class _Run:
    """The hooks on one file."""

    def __init__(
        self,
        config: pytest.Config,
        session: pytest.Session,
        hooks: dict[str, list[TreatedHook]],
        root: Any,
        children: dict[Any, list[Any]],
    ) -> None:
        self.config = config
        self.session = session
        self.hooks = hooks
        self.root = root
        self.children = children
        self.nodes = list(_preorder(root, children))
        self.numbers = {node: number for number, node in enumerate(self.nodes)}
        self.items = [node for node in self.nodes if isinstance(node, pytest.Item)]
        self.deselected: list[Any] = []
        self.effects: list[Effect] = []
        self.made: dict[Any, list[Any]] = {}
        self.made_by = 0

    def run(self) -> FileEffects:
        """Run all of them.

        :raises Unrepresentable: where they do more than a record can hold.
        """
        self._run()
        return FileEffects(self.effects, self.made, self.made_by)

    def _run(self) -> None:
        hooks = self.hooks
        states = {node: NodeState.of(node) for node in self.nodes}
        lists = {node: node.own_markers for node in self.nodes if not node.own_markers}
        for node in lists:
            node.own_markers = _Marks()
        try:
            with compat.intercepted_deselection(self.config, self.deselected.extend):
                self._run_each(hooks["pytest_collectstart"], "collector", self.nodes[1:])
                self._run_each(hooks["pytest_itemcollected"], "item", self.nodes)
                self._run_items(hooks["pytest_collection_modifyitems"])
        except Unrepresentable:
            raise
        except Exception as error:
            raise Unrepresentable("hook-effect", f"{type(error).__name__}: {error}") from error
        finally:
            for node, marks in lists.items():
                node.own_markers = marks
            for node, state in states.items():
                state.restore(node)

    @contextlib.contextmanager
    def _noted(self, name: str, items: list[Any]) -> Iterator[None]:
        """Around one phase of one hook."""
        before = {node: NodeState.of(node) for node in self.numbers}
        order = list(items)
        self.deselected.clear()
        yield
        changes = [
            difference(name, node, self.numbers[node], state)
            for node, state in before.items()
            if not state.is_same(node)
        ]
        if any(number >= len(self.nodes) for number, *_ in changes):
            raise Unrepresentable("hook-effect", f"{name} changes tests that another hook made")
        if any(item not in self.numbers for item in items):
            self._note_made(name, items)
        new = None if _same(order, items) else [self._number(name, item) for item in items]
        gone = [self._number(name, item) for item in self.deselected]
        self.effects.append((name, new, gone, changes))

    def _number(self, hook: str, item: Any) -> int:
        try:
            return self.numbers[item]
        except KeyError:
            raise _unrepresentable(hook, item, "it adds tests") from None

    def _note_made(self, hook: str, items: list[Any]) -> None:
        """A hook has put tests into the list that it has made, in collectors that it has made below the file's."""
        if self.made_by:
            raise Unrepresentable("hook-effect", f"{hook} makes tests, and another hook did so too")
        self.made_by = len(self.effects) + 1
        self.made = made_children(self.root, items, self.numbers)
        for node in list(_preorder(self.root, self.made))[1:]:
            self.numbers[node] = len(self.numbers) + 1

    def _run_each(self, hooks: list[TreatedHook], argument: str, nodes: list[Any]) -> None:
        kind = pytest.Item if argument == "item" else pytest.Collector
        nodes = [node for node in nodes if isinstance(node, kind)]
        for treated in hooks:
            if treated.is_wrapper:
                raise Unrepresentable("hook-effect", f"{treated.id} is a wrapper")
            if not treated.does_something():
                self.effects.append((treated.id, None, [], []))
                continue
            with self._noted(treated.id, []):
                for node in nodes:
                    treated.call({argument: node})

    def _run_items(self, hooks: list[TreatedHook]) -> None:
        items = list(self.items)
        arguments = {"session": self.session, "config": self.config, "items": items}
        open_wrappers: list[tuple[TreatedHook, Any]] = []
        for treated in hooks:
            if not treated.does_something():
                self.effects.append((treated.id, None, [], []))
                continue
            with self._noted(treated.id, items):
                made = treated.call(arguments)
                if treated.is_wrapper:
                    next(made)
                    open_wrappers.append((treated, made))
                if not is_sorted(items, treated.declaration.sort) or (
                    treated.is_wrapper and treated.declaration.sort
                ):
                    raise Unrepresentable("hook-effect", f"{treated.id} doesn't sort as declared")
        for treated, generator in reversed(open_wrappers):
            with self._noted(treated.id + AFTER, items):
                finish_wrapper(treated, generator)


def made_children(root: Any, items: list[Any], known: Container[Any]) -> dict[Any, list[Any]]:
    """The nodes above new tests, as children by collector, in the order in which tests lie in a list.

    :param known: nodes that were there before.
    :raises Unrepresentable: where a test was made in a collector that was there before, other than as its grandchild.
    """
    children: dict[Any, list[Any]] = {root: []}
    for item in items:
        node = item
        while node not in known and node not in children:
            parent = node.parent
            if parent is None or (parent is not root and parent in known) or node is root:
                raise _unrepresentable("a hook", item, "it makes tests in a collector")
            if parent is root and isinstance(node, pytest.Item):
                raise _unrepresentable("a hook", item, "it makes tests beside the others")
            children[node] = []
            node = parent
    for node in children:
        if node is not root:
            children[node.parent].append(node)
    return {node: found for node, found in children.items() if not isinstance(node, pytest.Item)}


def finish_wrapper(treated: TreatedHook, generator: Any) -> None:
    """Let a wrapper go on after the others, which have returned nothing."""
    with contextlib.suppress(StopIteration):
        generator.send(compat.no_result() if treated.implementation.hookwrapper else [])


def _same(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(mine is theirs for mine, theirs in zip(one, other))


def _preorder(node: Any, children: dict[Any, list[Any]]) -> Iterator[Any]:
    yield node
    for child in children.get(node, ()):
        yield from _preorder(child, children)
