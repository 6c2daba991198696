"""Stands in for hooks that are treated: in the main process what a record says takes the place of calling them.

A hook that is treated per file is still called for tests that don't come from a record. A hook that is run with answers is
called as it is, while lazy nodes answer what it is known to ask with stand-ins.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from . import class_lines, compat
from .effects import AFTER
from .made import made_of
from .materialize import become_real
from .nodes import LazyItem, LazyNode
from .origin import Origin, State
from .reasons import Unrepresentable
from .replay import Replayer, ReplayFile
from .serving import serving
from .sorting import sort_key
from .treatments import PER_FILE_HOOKS, TreatedHook, Treatment, Treatments


class ServedHooks:
    """Replaces functions of registered hook implementations, and puts them back."""

    def __init__(
        self, config: pytest.Config, treatments: Treatments, replays: ReplayFile | None
    ) -> None:
        """`replays` holds what hooks that are replayed did; None where nothing is kept."""
        self._config = config
        self._treatments = treatments
        self._replays = replays

    def install(self) -> None:
        """Replace those that have come since the last time."""
        self._treatments.look()
        for treated in self._treatments.hooks:
            if treated.implementation.function is treated.function:
                replacement = self._replacement(treated)
                if replacement is not None:
                    treated.implementation.function = replacement

    def restore(self) -> None:
        """Put all of them back."""
        for treated in self._treatments.hooks:
            treated.implementation.function = treated.function

    def _replacement(self, treated: TreatedHook) -> Callable[..., Any] | None:
        declared = treated.declaration
        if declared.treatment is Treatment.RUN:
            answers = declared.adapter.answers.get(declared.hook, ()) if declared.adapter else ()
            return _answered(treated, answers) if answers else None
        if declared.treatment is Treatment.REPLAY:
            return (
                self._replayed_wrapper(treated) if treated.is_wrapper else self._replayed(treated)
            )
        if declared.hook == "pytest_collection_modifyitems":
            return self._items_wrapper(treated) if treated.is_wrapper else self._items(treated)
        return None if treated.is_wrapper else _each(treated)

    def _replayed(self, treated: TreatedHook) -> Callable[..., Any]:
        replayer = Replayer(self._config, treated.id, self._replays)

        def hook(*args: Any, **kwargs: Any) -> None:
            arguments = _arguments(treated, args, kwargs)
            replayer.serve(arguments["items"], lambda items: treated.call(arguments))

        return hook

    def _replayed_wrapper(self, treated: TreatedHook) -> Callable[..., Any]:
        """Replays what a wrapper does before the others; it does nothing after them then."""
        replayer = Replayer(self._config, treated.id, self._replays)

        def hook(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            arguments = _arguments(treated, args, kwargs)
            generators: list[Any] = []

            def call(items: list[Any]) -> None:
                generator = treated.call(arguments)
                next(generator)
                generators.append(generator)

            replayer.serve(arguments["items"], call)
            try:
                outcome = yield
            except BaseException as error:
                return _throw(generators, error)
            if not generators:
                return outcome
            return replayer.after(arguments["items"], lambda: _send(generators[0], outcome))

        return hook

    def _items(self, treated: TreatedHook) -> Callable[..., Any]:
        def hook(*args: Any, **kwargs: Any) -> None:
            arguments = _arguments(treated, args, kwargs)

            def native(items: list[Any]) -> None:
                treated.call({**arguments, "items": items})

            sort = treated.declaration.sort
            serve_items(self._config, treated.id, arguments["items"], native, sort)

        return hook

    def _items_wrapper(self, treated: TreatedHook) -> Callable[..., Any]:
        def hook(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            arguments = _arguments(treated, args, kwargs)
            natives: list[Any] = []
            generators: list[Any] = []

            def before(items: list[Any]) -> None:
                natives[:] = items
                generator = treated.call({**arguments, "items": natives})
                next(generator)
                generators.append(generator)
                items[:] = natives

            serve_items(self._config, treated.id, arguments["items"], before)
            try:
                outcome = yield
            except BaseException as error:
                return _throw(generators, error)
            returned = outcome

            def after(items: list[Any]) -> None:
                nonlocal returned
                natives[:] = items
                returned = _send(generators.pop(), outcome) if generators else outcome
                items[:] = natives

            serve_items(self._config, treated.id + AFTER, arguments["items"], after)
            return returned

        return hook


def _throw(generators: list[Any], error: BaseException) -> Any:
    """Let a plugin's own wrapper meet what the others have raised; what it returns or raises."""
    if not generators:
        raise error
    try:
        generators[0].throw(error)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("a hook wrapper has a second yield")


def _send(generator: Any, outcome: Any) -> Any:
    try:
        generator.send(outcome)
    except StopIteration as stop:
        return stop.value
    return outcome


def _arguments(
    treated: TreatedHook, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    return {**dict(zip(treated.implementation.argnames, args)), **kwargs}


def _answered(treated: TreatedHook, answers: tuple[str, ...]) -> Callable[..., Any]:
    @contextlib.contextmanager
    def answering() -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for question in answers:
                stack.enter_context(serving.of(question))
            if "lines" in answers:
                stack.enter_context(class_lines.answered())
            yield

    def hook(*args: Any, **kwargs: Any) -> Any:
        with answering():
            return treated.function(*args, **kwargs)

    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = treated.function(*args, **kwargs)
        with answering():
            next(generator)
        try:
            outcome = yield
        except BaseException as error:
            return _throw([generator], error)
        with answering():
            return _send(generator, outcome)

    return wrapper if treated.is_wrapper else hook


def _each(treated: TreatedHook) -> Callable[..., Any]:
    argument = PER_FILE_HOOKS[treated.hook]

    def hook(*args: Any, **kwargs: Any) -> Any:
        node = _arguments(treated, args, kwargs)[argument]
        origin = origin_with(node, treated.id)
        if origin is None:
            return treated.function(*args, **kwargs)
        origin.applied.add(treated.id)
        for change in origin.effects[treated.id].changes.get(number_of(node), ()):
            apply_change(origin, node, change)
        return None

    return hook


def origin_with(node: Any, hook: str) -> Origin | None:
    """The record of a file that a lazy node below the file comes from, if it says what that hook does."""
    if isinstance(node, LazyItem):
        origin = node.parent.__dict__.get("_fcm_origin")  # type: ignore[attr-defined]
    elif isinstance(node, LazyNode):
        origin = node.__dict__.get("_fcm_origin")  # type: ignore[attr-defined]
    else:
        return None
    if origin is None:
        return None
    origin = origin.whole
    if origin.pending is not None or hook not in origin.effects or origin.state is State.FAILED:
        return None
    return origin  # type: ignore[no-any-return]


def number_of(node: Any) -> int:
    """The number by which effects know a lazy node."""
    index: int = node.__dict__["_fcm_index"]
    return node._fcm_origin_of().number(index)  # type: ignore[no-any-return]


def apply_change(origin: Origin, node: Any, change: tuple[Any, ...]) -> None:
    """Do to a lazy node what the hook did to the real one."""
    before, after, keys, extra = change
    first = [origin.mark(number) for number in before]
    last = [origin.mark(number) for number in after]
    if first or last:
        node.own_markers[:0] = first
        node.own_markers.extend(last)
        for mark in (*reversed(first), *last):
            node.keywords[mark.name] = compat.keyword_of_mark(mark)
    for key in keys:
        node.keywords[key] = True
    if extra:
        node.extra_keyword_matches.update(extra)


def serve_items(
    config: pytest.Config,
    hook: str,
    items: list[Any],
    native: Callable[[list[Any]], object],
    sort: tuple[str, ...] = (),
) -> None:
    """Do to a list of items what a hook does to it file by file.

    :param hook: its name and phase.
    :param native: calls it with those of the items that don't come from a record, in a list of their own.
    :param sort: by what the hook sorts the whole list at the end.
    """
    groups = _groups(items, hook)
    places = _places_of_files(items) if sort else {}
    if sort and (places is None or groups.keys() == {None}):
        # a file's tests don't lie together: what is equal for the sort may be anywhere
        for origin in groups:
            if origin is not None:
                become_real(origin)
        native(items)
        return
    rearranged: dict[Origin | None, list[Any]] = {}
    deselected: list[Any] = []
    natives = groups.get(None)
    if natives is not None:
        mine = list(natives)
        native(mine)
        rearranged[None] = mine
    for origin, group in groups.items():
        if origin is not None:
            rearranged[origin] = _serve_group(origin, hook, group, deselected)
    if deselected:
        order = {id(item): place for place, item in enumerate(items)}
        deselected.sort(key=lambda item: order.get(id(item), len(order)))
        config.hook.pytest_deselected(items=deselected)
    if sort:
        _sort(items, rearranged, sort, places or {})
    elif any(not _same(rearranged[origin], group) for origin, group in groups.items()):
        items[:] = _woven(items, hook, rearranged)


def _groups(items: list[Any], hook: str) -> dict[Origin | None, list[Any]]:
    """Items by the record that says what the hook does to them; those of None are to be given to the hook itself."""
    groups: dict[Origin | None, list[Any]] = {}
    for item in items:
        groups.setdefault(origin_with(item, hook), []).append(item)
    partial = [
        origin
        for origin, group in groups.items()
        if origin is not None and origin.effects[hook].makes and not _is_whole(origin, group)
    ]
    if not partial:
        return groups
    # Which of the tests that it made stand for those that are here isn't known.
    for origin in partial:
        become_real(origin)
    return _groups(items, hook)


def _is_whole(origin: Origin, items: list[Any]) -> bool:
    """Whether these are all tests of a record's file, each once, and those can be built that the hook made of them."""
    numbers = {number_of(item) for item in items}
    if len(numbers) != len(items) or len(items) != origin.record.items:
        return False
    try:
        made_of(origin)
    except Unrepresentable:
        return False
    return True


def _places_of_files(items: list[Any]) -> dict[Any, int] | None:
    """Places of the files in a list of tests; None where the tests of one don't lie together."""
    places: dict[Any, int] = {}
    last = parent = None
    for item in items:
        if item.parent is parent:
            continue
        parent = item.parent
        file = parent.getparent(pytest.File)
        if file is last:
            continue
        if file in places:
            return None
        places[file] = len(places)
        last = file
    return places


def _sort(
    items: list[Any],
    rearranged: dict[Origin | None, list[Any]],
    sort: tuple[str, ...],
    places: dict[Any, int],
) -> None:
    """Put together what the hook has left of each file's tests, as it sorts them itself."""
    names = sort_key(sort)
    files: dict[Any, int] = {}

    def key(item: Any) -> tuple[Any, ...]:
        parent = item.parent
        place = files.get(parent)
        if place is None:
            place = files[parent] = places.get(parent.getparent(pytest.File), len(places))
        return (*names(item), place)

    items[:] = sorted((item for group in rearranged.values() for item in group), key=key)


def _serve_group(origin: Origin, hook: str, items: list[Any], deselected: list[Any]) -> list[Any]:
    """Items of one file after the hook."""
    effect = origin.effects[hook]
    origin.applied.add(hook)
    if effect.changes:
        for node in _nodes_of(items):
            for change in effect.changes.get(number_of(node), ()):
                apply_change(origin, node, change)
    if effect.order is None:
        return items
    by_number: dict[int, list[Any]] = {}
    for item in items:
        by_number.setdefault(number_of(item), []).append(item)
    if effect.makes:
        by_number.update((number, [item]) for number, item in made_of(origin).items.items())
    for number in effect.deselected:
        deselected += by_number.get(number, ())
    return [item for number in effect.order for item in by_number.get(number, ())]


def _nodes_of(items: list[Any]) -> Iterator[Any]:
    """The items and the collectors above them in the file, each once."""
    seen: set[int] = set()
    for item in items:
        node = item
        while node is not None and id(node) not in seen and "_fcm_index" in node.__dict__:
            seen.add(id(node))
            yield node
            node = node.parent


def _woven(items: list[Any], hook: str, rearranged: dict[Origin | None, list[Any]]) -> list[Any]:
    """The new list: each file's items take the places that they had, in their new order."""
    left = {origin: list(reversed(group)) for origin, group in rearranged.items()}
    kept = {id(item) for group in rearranged.values() for item in group}
    owners = [origin_with(item, hook) for item in items]
    last = {origin: place for place, origin in enumerate(owners)}
    woven: list[Any] = []
    for place, (item, origin) in enumerate(zip(items, owners)):
        if id(item) in kept and left[origin]:
            woven.append(left[origin].pop())
        if last[origin] == place:
            woven += reversed(left[origin])
            left[origin].clear()
    return woven


def _same(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(mine is theirs for mine, theirs in zip(one, other))
