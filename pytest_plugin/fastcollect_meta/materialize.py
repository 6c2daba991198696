"""Turns lazy nodes into real ones, in place: the file is collected here, and each real node's state moves into the
lazy node that stands at the same place of the tree. What was done to the lazy node meanwhile stays.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from . import compat
from .effects import NodeState
from .filters import insert
from .frameless import frameless
from .introspection import SERVED
from .nodes import (
    LazyCollector,
    LazyItem,
    LazyNode,
    build_children,
    classes_of,
    is_early,
    real_class,
)
from .opaque import OPAQUE, resolve_mark
from .origin import Origin, State
from .reasons import Unrepresentable
from .uncollected import uncollected


class MaterializationError(Exception):
    """A lazy node can't become a real one: its module can't be imported any more, or the test is gone."""


def materialize(origin: Origin, node: Any) -> None:
    """Materialize all nodes of the record that `node` belongs to.

    :raises MaterializationError: where the file can't be collected, or doesn't have that node any more.
    """
    origin = origin.whole
    if origin.state is State.LAZY:
        _run(origin)
    if origin.state is State.RUNNING:
        raise MaterializationError(
            f"{node!r} is asked for its object while its file is being collected"
        )
    if isinstance(node, LazyNode):
        raise MaterializationError(describe_failure(origin)) from origin.error


def become_real(origin: Origin) -> None:
    """Materialize a file, if that hasn't been tried yet; what goes wrong is noted in its origin."""
    if origin.state is State.LAZY:
        _run(origin)


def _run(origin: Origin) -> None:
    root: Any = origin.root
    if origin.import_before is not None:
        origin.import_before()
    origin.state = State.RUNNING
    try:
        if origin.pending is not None:
            _adopt_pending(origin)
        else:
            with (
                uncollected(),
                compat.collection_warnings(root.config),
                compat.dropped_output(root.config),
                origin.without_later(),
            ):
                insert(origin.filters)
                _adopt_file(origin)
        origin.state = State.REAL
    except KeyboardInterrupt:
        origin.state = State.LAZY
        raise
    except BaseException as error:
        origin.state = State.FAILED
        origin.error = error
    origin.when_materialized(origin)


def _adopt_pending(origin: Origin) -> None:
    """The real children were collected in this process: they stand in the same order as the lazy ones."""
    assert origin.pending is not None
    for collector, reals in origin.pending.items():
        for lazies in collector.__dict__.get("_fcm_children", ()):
            for lazy, real in zip(lazies, reals):
                if isinstance(lazy, LazyNode):
                    transfer(lazy, real, origin)


def _adopt_file(origin: Origin) -> None:
    root: Any = origin.root
    root.__class__ = real_class(root)
    if compat.has_object(type(root)):
        root._obj = root._getobj()
        marks = compat.unpacked_marks(root._obj) if root._ALLOW_MARKERS else []
        replace_marks(root.own_markers, root.__dict__.get("_fcm_marks", []), marks)
        root.keywords.update((mark.name, mark) for mark in marks)
    missing: list[str] = []
    additional: list[str] = []
    rerun = origin.rerun if origin.applied else None
    origin.wants_bases = rerun is not None and rerun.is_due(origin)
    _adopt_children(origin, root, missing, additional)
    if rerun is not None:
        made = rerun.run(origin)
        missing += made[0]
        additional += made[1]
    if missing or additional:
        origin.mismatch = (missing, additional)


def _adopt_children(
    origin: Origin, collector: Any, missing: list[str], additional: list[str]
) -> None:
    for lazies in collector.__dict__.pop("_fcm_children", ()):
        by_name: defaultdict[str, deque[Any]] = defaultdict(deque)
        for real in collector.collect():
            by_name[real.name].append(real)
        for lazy in lazies:
            if not isinstance(lazy, LazyNode):
                continue
            reals = by_name.get(origin.record.name(lazy.__dict__["_fcm_index"]))  # type: ignore[attr-defined]
            if not reals:
                missing.append(lazy.nodeid)  # type: ignore[attr-defined]
                origin.lost.add(lazy)
                continue
            children = lazy.__dict__.get("_fcm_children")  # type: ignore[attr-defined]
            transfer(lazy, reals.popleft(), origin)
            if children:
                lazy.__dict__["_fcm_children"] = children  # type: ignore[attr-defined]
                _adopt_children(origin, lazy, missing, additional)
        additional.extend(real.nodeid for reals in by_name.values() for real in reals)


def replace_marks(marks: list[Any], lazy: list[Any], real: list[Any]) -> None:
    """Put real markers where the lazy ones of a record stand in a list; others in it stay where they are."""
    replacement = {id(mine): theirs for mine, theirs in zip(lazy, real)}
    for mine, theirs in zip(lazy, real):
        resolve_mark(mine, theirs)
    marks[:] = [replacement.get(id(mark), mark) for mark in marks]


def _merged_keywords(
    state: dict[str, Any], lazy: Any, real: Any, origin: Origin, index: int
) -> Any:
    """The keywords of the lazy node where somebody has seen them, with the real values; else the real ones."""
    keywords = state.get("keywords")
    if keywords is None:
        keywords = real.keywords
        keywords.node = lazy
        return keywords
    recorded = origin.keywords(lazy, index)
    real_own: dict[str, Any] = real.keywords._markers
    own: dict[str, Any] = {}
    for key, value in keywords._markers.items():
        if value is not OPAQUE and (key not in recorded or recorded[key] is not value):
            own[key] = value
        elif key in real_own:
            own[key] = real_own[key]
    own.update((key, value) for key, value in real_own.items() if key not in own)
    keywords._markers = own
    keywords.__class__ = compat.KeywordsOfNode
    return keywords


def _moved_fixtures(state: dict[str, Any], real: Any, origin: Origin, index: int) -> None:
    """A plugin that changed the names of an item's fixtures changed those of its whole definition."""
    mine = state.get("fixturenames")
    if mine is None:
        return
    recorded = list(origin.record.fixtures(index))
    if mine != recorded and real.fixturenames == recorded:
        real.fixturenames[:] = mine


def transfer(lazy: Any, real: Any, origin: Origin) -> None:
    """Make a lazy node real: it takes over the state of `real`, which is then given up."""
    state: dict[str, Any] = lazy.__dict__
    index: int = state["_fcm_index"]
    if isinstance(real, compat.PyobjMixin) and real._ALLOW_MARKERS:
        real.obj  # noqa: B018 - the first look at it adds its markers, and must not do so again later
    if origin.applied:
        origin.numbers[lazy] = index
        if origin.wants_bases:
            origin.bases[lazy] = NodeState.of(real)
    new = {key: lazy if value is real else value for key, value in real.__dict__.items()}
    new["keywords"] = _merged_keywords(state, lazy, real, origin, index)
    own_markers = state.get("own_markers")
    if own_markers is not None or origin.has_lazy_marks:
        early = isinstance(lazy, LazyCollector) and is_early(origin, lazy, index)
        recorded = [] if early else origin.marks(index)
        real_marks = list(real.own_markers)
        replace_marks([] if own_markers is None else own_markers, recorded, real_marks)
        if own_markers is not None:
            own_markers.extend(real_marks[len(recorded) :])
            new["own_markers"] = own_markers
    if "stash" in state:
        compat.merge_stash(state["stash"], real.stash)
        new["stash"] = state["stash"]
    if "extra_keyword_matches" in state:
        state["extra_keyword_matches"].update(real.extra_keyword_matches)
        new["extra_keyword_matches"] = state["extra_keyword_matches"]
    for name in ("user_properties", "_report_sections"):
        if name in state:
            state[name][:0] = getattr(real, name)
            new[name] = state[name]
    # Recording a real item asks for its location, which it keeps; it is to be that of when somebody else asks.
    new.pop("location", None)
    if "location" in state:
        new["location"] = state["location"]
    if "fixturenames" in state:
        _moved_fixtures(state, real, origin, index)
    for key, value in state.items():
        if key == "_fcm_origin" or (key not in SERVED and not key.startswith("_fcm")):
            new[key] = value
    state.clear()
    state.update(new)
    lazy.__class__ = type(real)
    _set_slots(lazy, real)
    if hasattr(lazy, "_initrequest") and not compat.move_request(new.get("_request"), real, lazy):
        lazy._initrequest()


def _set_slots(lazy: Any, real: Any) -> None:
    try:
        compat.id_slot.__get__(lazy)
    except AttributeError:
        compat.id_slot.__set__(lazy, compat.id_slot.__get__(real))
    compat.store_slot.__set__(lazy, lazy.stash)


def check_duplicates(collector: Any, record: Any) -> None:
    """What a file's parameters are grouped by is told apart by record: a second collection of it would be another's.

    :raises Unrepresentable: where that may come.
    """
    if record.high_scope and getattr(collector.config.option, "keepduplicates", False):
        raise Unrepresentable("kept-duplicates")


def collecting_here(collector: Any) -> Callable[[], Iterable[Any]]:
    """Collects a lazy collector in this process; its children are lazy again where they can be."""
    origin: Origin = collector._fcm_origin_of()
    if origin.pending is None:
        collector._fcm_materialize()
        return collector.collect  # type: ignore[no-any-return]
    reals = origin.pending[collector.parent]
    for lazies in collector.parent.__dict__["_fcm_children"]:
        for lazy, real in zip(lazies, reals):
            if lazy is collector:
                transfer(lazy, real, origin)

    def then(children: list[Any]) -> Iterable[Any]:
        try:
            return lazify(collector, children, origin.when_materialized)
        except Unrepresentable:
            return children

    return frameless(collector.collect, then)


def lazify(collector: Any, children: list[Any], when_materialized: Any) -> list[Any]:
    """Lazy nodes in place of the children that a collector has just yielded, through the same record as the farm's.

    :raises Unrepresentable: where they can't be represented.
    """
    from ._native import Record, encode

    if not all(child.parent is collector for child in children):
        raise Unrepresentable("parent", repr(collector))
    record = Record(encode(collector, {collector: children}, {}))
    check_duplicates(collector, record)
    origin = Origin(record, collector, classes_of(record), {collector: children}, when_materialized)
    collector.__dict__["_fcm_origin"] = origin
    collector.__dict__["_fcm_index"] = 0
    return build_children(collector, origin, 0)


#: What changes in a name with the clock, random numbers or addresses.
_VOLATILE = re.compile(r"[0-9a-f]{6,}|[0-9]+", re.IGNORECASE)


def why_different(origin: Origin) -> str:
    """The reason to collect a file natively from now on whose tests differ from its metadata.

    "unstable" where the same number of tests have names that differ in numbers only, "depends-on-order" else.
    """
    missing, additional = (
        Counter(_VOLATILE.sub("#", name) for name in names) for names in origin.mismatch or ((), ())
    )
    return "unstable" if missing == additional else "depends-on-order"


def describe_failure(origin: Origin) -> str:
    """The error of a file that can't be materialized, or doesn't have the tests of its metadata."""
    path = origin.root.path
    advice = (
        "If its tests depend on the clock, random numbers or addresses, collect it natively: add it to the ini option "
        "fastcollect_meta_native. If they depend on what other test files do when they are imported: to "
        "fastcollect_meta_ordered. The manifest has dropped its metadata, and the next run that uses it does so."
    )
    if origin.error is not None:
        return (
            f"{path} was collected from metadata, but collecting it in this process failed:\n"
            f"{type(origin.error).__name__}: {origin.error}\n{advice}"
        )
    missing, additional = origin.mismatch or ([], [])
    lines = [f"the tests of {path} differ from its metadata:"]
    lines += [f"  not there any more: {name}" for name in missing[:10]]
    lines += [f"  not in the metadata: {name}" for name in additional[:10]]
    hidden = len(missing[10:]) + len(additional[10:])
    if hidden:
        lines.append(f"  and {hidden} more")
    return "\n".join([*lines, advice])


def prepare_to_run(item: pytest.Item) -> str | None:
    """Materialize the file of an item that is about to run.

    Returns an error for the item to fail with, or None.
    """
    origin: Origin | None = (
        item.parent.__dict__.get("_fcm_origin") if item.parent is not None else None
    )
    if origin is not None:
        origin = origin.whole
    if isinstance(item, LazyItem):
        assert origin is not None
        if origin.state is State.LAZY:
            _run(origin)
        if isinstance(item, LazyItem):
            origin.told = True
            return describe_failure(origin)
    if origin is None or origin.told or origin.mismatch is None:
        return None
    if origin.mismatch[1]:
        # Tests that nobody has listed: the first one that runs tells of them.
        origin.told = True
        return describe_failure(origin)
    return None
