"""Private names of pytest: the only module that touches them. Supports pytest 8.0 to 9.x."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from _pytest import fixtures, mark, nodes, python
from _pytest.config import Config
from _pytest.main import Session
from _pytest.mark.structures import Mark, NodeKeywords, get_unpacked_marks
from _pytest.scope import Scope
from _pytest.stash import Stash

#: Versions of pytest that this was tested with: at least the first, below the second.
SUPPORTED = ((8, 0), (10, 0))

#: Whether pytest groups parameters of high scopes by value (rather than by index).
GROUPS_BY_VALUE = hasattr(fixtures, "ParamValueKey")

#: The slot that holds a node's id: a NodeId, or a str before 9.2.
ID_SLOT = "_id" if hasattr(nodes, "NodeId") else "_nodeid"

CallSpec: Any = getattr(python, "CallSpec", None) or python.CallSpec2  # type: ignore[attr-defined]

SCOPES = (Scope.Session, Scope.Package, Scope.Module, Scope.Class, Scope.Function)

PyobjMixin = python.PyobjMixin
KeywordsOfNode = NodeKeywords
unpacked_marks = get_unpacked_marks


def is_supported() -> bool:
    """Whether this is a version of pytest that the private names here were checked with."""
    version = tuple(int(part) for part in pytest.__version__.split(".")[:2])
    return SUPPORTED[0] <= version < SUPPORTED[1]


# Nodes


def dotted_name(item: Any) -> str | None:
    """Third part of the location of an ordinary function, None for other items."""
    return item.getmodpath() if isinstance(item, PyobjMixin) else None


def relative_path(collector: Any) -> str:
    """The collector's path as it stands in locations: relative to the root directory."""
    return str(collector.session._node_location_to_relpath(Path(os.path.abspath(collector.path))))


def child_id(parent: nodes.Node, name: str, original: str | None, params: str | None) -> Any:
    """What pytest puts into the id slot of a child: of a function where `original` is given.

    :param params: the parameter id, None for an item that is not parametrized.
    """
    if ID_SLOT == "_nodeid":
        return f"{parent.nodeid}::{name}"
    if original is None:
        return parent.id.child(name)
    return parent.id.child(original).with_params(params)


def make_mark(name: str, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Mark:
    """A marker as the mark generator makes it."""
    return Mark(name, args, kwargs, _ispytest=True)


def make_callspec(
    params: dict[str, object],
    indices: dict[str, int],
    scopes: dict[str, Scope],
    ids: Sequence[str],
    marks: list[Mark],
) -> Any:
    """A CallSpec with the given contents."""
    return CallSpec(params=params, indices=indices, _arg2scope=scopes, _idlist=ids, marks=marks)


def param_value_key(value: object) -> object:
    """The key by which pytest groups equal hashable values of a high scope."""
    return fixtures.ParamValueKey(value, 0)


def merge_stash(stash: Stash, older: Stash) -> None:
    """Add what `older` holds to `stash`, which wins where both have a key."""
    for key, value in older._storage.items():
        stash._storage.setdefault(key, value)


# Serving questions of pytest's own selection and ordering from records


def install_servers(serving: Any, is_lazy: Callable[[object], bool]) -> Callable[[], None]:
    """Let pytest's -k, its grouping by parameters and its tree be answered by lazy nodes without an import.

    While one of these asks, the matching attribute of `serving` is true, and lazy nodes give stand-ins for what
    exactly this question reads. Returns the function that takes it all back.
    """
    undo: list[Callable[[], None]] = []

    def patch(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        original = owner.__dict__[name]
        setattr(owner, name, make(original))
        undo.append(lambda: setattr(owner, name, original))

    def keyword_server(original: Any) -> Any:
        function = original.__func__

        def from_item(cls: Any, item: Any) -> Any:
            if not is_lazy(item):
                return function(cls, item)
            with serving.of("function_keys"):
                return function(cls, item)

        return classmethod(from_item)

    def grouping_server(original: Any) -> Any:
        def argkeys(item: Any, scope: Any) -> Iterator[Any]:
            if not is_lazy(item):
                return original(item, scope)
            if not item._fcm_high_scope():
                return iter(())
            with serving.of("grouping"):
                return iter(list(original(item, scope)))

        return argkeys

    def reorder_server(original: Any) -> Any:
        def reorder_items(items: Sequence[Any]) -> list[Any]:
            if all(is_lazy(item) and not item._fcm_high_scope() for item in items):
                return list(dict.fromkeys(items))
            return original(items)

        return reorder_items

    def tree_server(original: Any) -> Any:
        def _printcollecteditems(self: Any, items: Any) -> None:
            with serving.of("docs"):
                original(self, items)

        return _printcollecteditems

    from _pytest.terminal import TerminalReporter

    patch(mark.KeywordMatcher, "from_item", keyword_server)
    for name in (
        "get_param_argkeys",
        "get_parametrized_fixture_argkeys",
        "get_parametrized_fixture_keys",
    ):
        if hasattr(fixtures, name):
            patch(fixtures, name, grouping_server)
    patch(fixtures, "reorder_items", reorder_server)
    patch(TerminalReporter, "_printcollecteditems", tree_server)

    def restore() -> None:
        while undo:
            undo.pop()()

    return restore


# Warnings and output


@contextlib.contextmanager
def collection_warnings(config: Config) -> Iterator[list[warnings.WarningMessage]]:
    """Log warnings under the filters that hold while pytest collects; gives the list they are logged into."""
    catch = getattr(config, "_catch_configured_warnings", None)
    if catch is not None:
        with catch(record=True) as log:
            yield log
        return
    import sys

    from _pytest.config import apply_warning_filters

    with warnings.catch_warnings(record=True) as log:
        if not sys.warnoptions:
            warnings.filterwarnings("always", category=DeprecationWarning)
            warnings.filterwarnings("always", category=PendingDeprecationWarning)
        for name in ("PytestRemovedIn9Warning", "PytestRemovedIn10Warning"):
            removed = getattr(pytest, name, None)
            if removed is not None:
                warnings.filterwarnings("error", category=removed)
        apply_warning_filters(config.getini("filterwarnings"), config.known_args_namespace.pythonwarnings or [])
        yield log


def log_warning(message: warnings.WarningMessage) -> None:
    """Add a warning to the innermost log of warnings, as if it had just passed the filters."""
    warnings._showwarnmsg_impl(message)  # type: ignore[attr-defined]


@contextlib.contextmanager
def dropped_output(config: Config) -> Iterator[None]:
    """Capture output and drop it, where pytest's capturing is suspended."""
    capture = config.pluginmanager.getplugin("capturemanager")
    running = capture is not None and capture.is_globally_capturing()
    suspended = running and getattr(capture._global_capturing, "_state", None) == "suspended"
    if not suspended:
        yield
        return
    capture.resume_global_capture()
    try:
        yield
    finally:
        capture.suspend_global_capture()
        capture.read_global_capture()


# Import paths


def session_is_rewriting(session: Session) -> None:
    """What pytest's assertion plugin does when collection begins."""
    from _pytest.assertion import assertstate_key

    state = session.config.stash.get(assertstate_key, None)
    if state and state.hook is not None:
        state.hook.set_session(session)
