"""Private names of pytest: the only module that touches them. Supports pytest 8.0 to 9.x."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import logging
import os
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import _pytest.capture
import _pytest.config
import _pytest.pathlib
import pluggy
import pytest
from _pytest import fixtures, mark, nodes, python
from _pytest.cacheprovider import Cache
from _pytest.compat import NOTSET
from _pytest.config import Config
from _pytest.doctest import DoctestTextfile
from _pytest.main import Session
from _pytest.mark.expression import Expression
from _pytest.mark.structures import Mark, NodeKeywords, get_unpacked_marks
from _pytest.outcomes import Exit
from _pytest.reports import CollectErrorRepr, CollectReport
from _pytest.scope import Scope
from _pytest.stash import Stash
from _pytest.unittest import UnitTestCase

from .reasons import Unrepresentable

#: Versions of pytest that this was tested with: at least the first, below the second.
SUPPORTED = ((8, 0), (10, 0))

#: Whether pytest groups parameters of high scopes by value (rather than by index).
GROUPS_BY_VALUE = hasattr(fixtures, "ParamValueKey")

#: Whether a fixture of a file is seen by all nodes of the same id, also where two collectors stand for the file.
FIXTURES_BY_ID = pytest.version_tuple < (9, 1)

#: Whether markers that are added to a node stand as such among its keywords.
KEYWORDS_ARE_MARKS = pytest.version_tuple >= (9, 2)

#: The slot that holds a node's id: a NodeId, or a str before 9.2.
ID_SLOT = "_id" if hasattr(nodes, "NodeId") else "_nodeid"

#: The descriptors of slots of a node that lazy classes cover with properties.
id_slot: Any = nodes.Node.__dict__[ID_SLOT]
store_slot: Any = nodes.Node.__dict__["_store"]

CallSpec: Any = getattr(python, "CallSpec", None) or python.CallSpec2  # type: ignore[attr-defined]

SCOPES = (Scope.Session, Scope.Package, Scope.Module, Scope.Class, Scope.Function)

PyobjMixin = python.PyobjMixin


def is_walked(collector: pytest.Collector) -> bool:
    """Whether this is a folder that lies in one that pytest was asked to collect, or is one."""
    if not isinstance(collector, pytest.Directory):
        return False
    asked = collector.session._initialpaths
    return collector.path in asked or any(path in asked for path in collector.path.parents)


def is_asked(collector: pytest.Collector) -> bool:
    """Whether pytest was asked to collect that very path."""
    return collector.path in collector.session._initialpaths


#: Classes of nodes whose markers are those of their object, from when it is looked at first, and no others by themselves.
CLASSES = (pytest.Class, UnitTestCase)


def has_object(cls: type) -> bool:
    """Whether nodes of that class find their `obj` as PyobjMixin does; a doctest's text file, a Module too, has none."""
    return issubclass(cls, PyobjMixin) and cls.obj is PyobjMixin.obj  # type: ignore[attr-defined]


KeywordsOfNode = NodeKeywords
unpacked_marks = get_unpacked_marks


def is_supported() -> bool:
    """Whether this is a version of pytest that the private names here were checked with."""
    version = tuple(int(part) for part in pytest.__version__.split(".")[:2])
    return SUPPORTED[0] <= version < SUPPORTED[1]


def is_fixture(value: object) -> bool:
    """Whether this is what the fixture decorator makes of a function."""
    return fixtures.getfixturemarker(value) is not None


# Configuration


def ini_settings(config: Config) -> dict[str, object]:
    """What the configuration file, or `-o` in pytest 9, sets, by name, as it stands there."""
    settings: Mapping[str, object] = config._inicfg if hasattr(config, "_inicfg") else config.inicfg
    return {name: getattr(value, "value", value) for name, value in settings.items()}


def own_lines(config: Config, name: str) -> list[str]:
    """An ini option of ours that holds several lines; empty where our options are not registered."""
    return list(_ini(config, name) or ())


def groups_with_option(parser: Any, name: str) -> list[str]:
    """Names of the option groups that define an option. pytest itself refuses a second one only within a group."""
    if parser is None:
        return []
    groups = {id(group): group for group in (parser._anonymous, *parser._groups)}
    return [
        group.name
        for group in groups.values()
        if any(name in option.names() for option in group.options)
    ]


# Nodes


def dotted_name(item: Any) -> str | None:
    """Third part of the location of an ordinary function, None for other items."""
    return item.getmodpath() if isinstance(item, PyobjMixin) else None


def relative_path(collector: Any) -> str:
    """The collector's path as it stands in locations: relative to the root directory."""
    path = collector.path
    absolute = os.path.abspath(path)
    if os.fspath(path) != absolute:
        path = Path(absolute)
    return str(collector.session._node_location_to_relpath(path))


#: What makes an ordinary function's location, by the names under which a class of items may replace it.
_LOCATION_PARTS = {
    "location": pytest.Item.__dict__["location"],
    **{name: PyobjMixin.__dict__[name] for name in ("reportinfo", "getmodpath")},
}
#: Attributes through which `getfslineno` finds another function.
_ELSEWHERE = frozenset(("__wrapped__", "__pytest_wrapped__", "place_as"))


@functools.cache
def _has_ordinary_location(cls: Any) -> bool:
    return issubclass(cls, PyobjMixin) and all(
        inspect.getattr_static(cls, name) is part for name, part in _LOCATION_PARTS.items()
    )


def own_code(item: Any) -> types.CodeType | None:
    """The code of an item's function, where its location is certain to be the place of this code in the item's file.

    Asking an item for its location costs a hundred times as much.
    """
    cls: Any = type(item)
    if not _has_ordinary_location(cls) or "location" in item.__dict__:
        return None
    function = item.obj
    if type(function) is types.MethodType:
        function = function.__func__
    if type(function) is not types.FunctionType:
        return None
    if not _ELSEWHERE.isdisjoint(function.__dict__):
        return None
    code = function.__code__
    return code if code.co_filename == os.fspath(item.path) else None


def _id_parts() -> tuple[Any, ...]:
    """How ids are made in C: the descriptor of a node's slot; where ids are structured, their class and the
    descriptors of its path, names, parameters and of the string that it keeps.
    """
    if ID_SLOT == "_nodeid":
        return (id_slot,)
    cls: Any = vars(nodes)["NodeId"]
    return (id_slot, cls, cls.path, cls.names, cls.params, cls._str_cache)


#: Ids that are written together.
_LINES_AT_ONCE = 500

#: For `Record.build`.
ID_PARTS = _id_parts()


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


def move_fixtures(session: pytest.Session, moved: Mapping[Any, Any]) -> None:
    """Let fixtures be visible where other nodes have taken the places of those that they were registered for.

    Before pytest 9.1 they are registered for a node's id.
    """
    manager: Any = session._fixturemanager
    autouse = getattr(manager, "_node_autousenames", None)
    if autouse is None:
        return
    registries = [autouse, *getattr(manager, "_arg2node2fixturedefs", {}).values()]
    for registry in registries:
        for old in moved.keys() & registry.keys():
            registry[moved[old]] = registry.pop(old)
    for registry in registries[1:]:
        for new in registry.keys() & set(moved.values()):
            for definition in registry[new]:
                definition.node = new


class RegisteredFixture:
    """A fixture that was registered, and where pytest's manager keeps it.

    :param register: the manager's method.
    :param arguments: its keyword arguments.
    """

    __slots__ = (
        "_arguments",
        "_autouse",
        "_definition",
        "_definitions",
        "_manager",
        "_places",
        "_register",
    )

    def __init__(self, manager: Any, register: Any, arguments: dict[str, Any]) -> None:
        self._manager = manager
        self._register = register
        self._arguments = arguments
        # what pytest may keep it by: the session, the node that sees it, that node's id
        asked = (arguments.get("node", NOTSET), arguments.get("nodeid", NOTSET))
        places = dict.fromkeys((manager.session, "", *asked))
        self._places = [place for place in places if place is not NOTSET]
        self._definitions, self._definition, self._autouse = self._add()

    @property
    def base(self) -> str:
        """The id of the node whose tests see it; empty for all."""
        return self._definition.baseid or ""

    def take_out(self) -> bool:
        """Let nobody find it; False where it isn't there."""
        if self._definition not in self._definitions:
            return False
        self._definitions.remove(self._definition)
        if self._autouse is not None:
            last = self._autouse[::-1].index(self._definition.argname)
            del self._autouse[len(self._autouse) - 1 - last]
        return True

    def put_back(self) -> None:
        """Let it stand where it would if it were registered now."""
        definition = self._definition
        self._arguments["scope"] = definition.scope
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pytest.PytestWarning)
            self._definitions, again, self._autouse = self._add()
        self._definitions[self._definitions.index(again)] = definition

    def _add(self) -> tuple[list[Any], Any, list[str] | None]:
        """Register it; the list that its definition stands in, that, and the list of names that has its own."""
        name: str = self._arguments["name"]
        autouse = bool(self._arguments.get("autouse"))
        known = {id(each) for found in self._lists(name) for each in found}
        lengths = {id(names): len(names) for names in self._autouse_names()} if autouse else {}
        self._register(**self._arguments)
        definitions, definition = next(
            (found, each) for found in self._lists(name) for each in found if id(each) not in known
        )
        grown = (n for n in self._autouse_names() if len(n) > lengths.get(id(n), 0))
        return definitions, definition, next(grown) if autouse else None

    def _lists(self, name: str) -> list[list[Any]]:
        """The lists of definitions of a name where it may stand: one, from pytest 9.2 on one for each node."""
        flat = getattr(self._manager, "_arg2fixturedefs", None)
        if flat is not None:
            return [flat[name]] if name in flat else []
        return self._standing(
            self._manager._arg2node2fixturedefs.get(name, {}),
            self._manager._arg2nodeid2fixturedefs.get(name, {}),
        )

    def _autouse_names(self) -> list[list[str]]:
        """The lists of names of fixtures that are used automatically where its own may stand."""
        return self._standing(
            getattr(self._manager, "_node_autousenames", {}),
            getattr(self._manager, "_nodeid_autousenames", {}),
        )

    def _standing(self, *registries: Mapping[Any, list[Any]]) -> list[list[Any]]:
        return [
            registry[place]
            for registry in registries
            for place in self._places
            if place in registry
        ]


def observe_fixtures(
    session: pytest.Session,
    is_observing: Callable[[], bool],
    observe: Callable[[RegisteredFixture], object],
) -> None:
    """Call `observe` for each fixture that is registered from now on, while it is observing.

    Never with pytest 8.0, where there is no registering a single one.
    """
    manager: Any = session._fixturemanager
    original = getattr(manager, "_register_fixture", None)
    if original is None:
        return
    deprecated = getattr(fixtures, "FIXTURE_NODEID_DEPRECATED", None)

    def register(**arguments: Any) -> None:
        by_id = (
            arguments.get("nodeid", NOTSET) is not NOTSET or arguments.get("node", NOTSET) is NOTSET
        )
        with contextlib.ExitStack() as stack:
            if by_id and deprecated is not None:
                # here, for the place that it names
                warnings.warn(deprecated.format(), stacklevel=2)
                stack.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore", pytest.PytestWarning)
            if is_observing():
                observe(RegisteredFixture(manager, original, arguments))
            else:
                original(**arguments)

    manager._register_fixture = register


def move_request(request: Any, old: nodes.Node, new: nodes.Node) -> bool:
    """Make the fresh request of one function that of another, which has its state. Whether that could be done."""
    if type(request) is not fixtures.TopRequest or request._pyfuncitem is not old:
        return False
    vars(request)["_pyfuncitem"] = new
    # the other may live on, and must not keep the values of fixtures alive
    for name in ("_request", "funcargs"):
        vars(old).pop(name, None)
    return True


def own_keywords(node: nodes.Node) -> dict[str, Any]:
    """A node's keywords without those of its parents: the dict itself."""
    return node.keywords._markers  # type: ignore[attr-defined,no-any-return]


def set_own_keywords(node: nodes.Node, own: dict[str, Any]) -> None:
    """Put other keywords into the place of a node's own."""
    node.keywords._markers = own  # type: ignore[attr-defined]


@contextlib.contextmanager
def intercepted_deselection(
    config: Config, receive: Callable[[list[Any]], object]
) -> Iterator[None]:
    """What is reported to pytest_deselected meanwhile goes to `receive` only."""
    relay: Any = config.hook
    original = relay.pytest_deselected
    relay.pytest_deselected = lambda *, items: receive(list(items))
    try:
        yield
    finally:
        relay.pytest_deselected = original


@contextlib.contextmanager
def observed_deselection(config: Config, observe: Callable[[list[Any]], object]) -> Iterator[None]:
    """What is reported to pytest_deselected meanwhile goes to `observe` too."""
    relay: Any = config.hook
    original = relay.pytest_deselected

    def report(*, items: Sequence[Any]) -> Any:
        observe(list(items))
        return original(items=items)

    relay.pytest_deselected = report
    try:
        yield
    finally:
        relay.pytest_deselected = original


def marker(name: str, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Any:
    """A marker as `pytest.mark` makes it, whatever its name."""
    return pytest.MarkDecorator(make_mark(name, args, kwargs), _ispytest=True)


def keyword_of_mark(mark: Mark) -> Any:
    """What `add_marker` puts among a node's keywords for a marker: before pytest 9.2 what decorates with it."""
    return mark if KEYWORDS_ARE_MARKS else pytest.MarkDecorator(mark, _ispytest=True)


def is_keyword_of_mark(value: object, mark: Mark) -> bool:
    """Whether `add_marker` has put that there for this marker."""
    if KEYWORDS_ARE_MARKS:
        return value is mark
    return isinstance(value, pytest.MarkDecorator) and value.mark is mark


def no_result() -> Any:
    """What an old-style wrapper is sent when the others have returned nothing."""
    return pluggy.Result([], None)


# Serving questions of pytest's own selection and ordering from records


class MatchExpression:
    """An expression of -k ("k") or -m ("m"), compiled by pytest.

    :raises pytest.UsageError: where it isn't one, as pytest says it.
    """

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self.compiled: Any = mark._parse_expression(text, f"Wrong expression passed to '-{kind}'")
        compiled: Any = self.compiled
        code = compiled._code if hasattr(compiled, "_code") else compiled.code
        #: The names in it. In the code each has a prefix, so that none is a keyword of Python.
        self.names: tuple[str, ...] = tuple(name[1:] for name in code.co_names)

    def holds(self, is_found: Callable[[str], bool]) -> bool | None:
        """Whether it holds, by what was found of its names; None where an item's own markers have to be compared.

        :raises pytest.UsageError: for arguments within -k.
        """

        def matches(name: str, /, **arguments: Any) -> bool:
            found = is_found(name)
            if arguments and self.kind == "k":
                return bool(mark.KeywordMatcher(frozenset())(name, **arguments))
            if arguments and found:
                raise _NeedsMarkers
            return found

        try:
            return bool(self.compiled.evaluate(matches))
        except _NeedsMarkers:
            return None

    def holds_for(self, item: Any) -> bool:
        """Whether it holds for an item, by pytest's own matchers."""
        matchers: Any = mark
        if self.kind == "k":
            return bool(self.compiled.evaluate(matchers.KeywordMatcher.from_item(item)))
        if hasattr(matchers.MarkMatcher, "from_markers"):
            return bool(
                self.compiled.evaluate(matchers.MarkMatcher.from_markers(item.iter_markers()))
            )
        return bool(self.compiled.evaluate(matchers.MarkMatcher.from_item(item)))

    def validate(self, config: Config) -> None:
        """What pytest checks of an expression of -m before it evaluates it.

        :raises pytest.UsageError: for markers that it doesn't know, where it is strict.
        """
        check = getattr(mark, "_validate_marker_names", None)
        if check is not None and self.kind == "m":
            check(self.compiled, config)


class _NeedsMarkers(Exception):
    """A name of a -m expression has arguments, and an item has a marker of that name."""


class _Asked:
    """What KeywordMatcher.from_item asks of an item: each part by itself."""

    def __init__(
        self, chain: Sequence[Any] = (), markers: Iterable[Any] = (), function: object = None
    ) -> None:
        self.listchain = lambda: chain
        self.listextrakeywords = lambda: {
            keyword for node in chain for keyword in node.extra_keyword_matches
        }
        self.iter_markers = lambda: markers
        self.function = function


class _Attributes:
    """A function for its attributes."""


def _chain(collector: Any) -> list[Any]:
    return nodes.Node.listchain(collector)


def marker_names(collector: Any) -> frozenset[str]:
    """Names of the markers of a collector and its parents, which -m compares."""
    return frozenset(marker.name for node in _chain(collector) for marker in node.own_markers)


def keyword_names(collector: Any) -> frozenset[str]:
    """What -k looks at of a collector and its parents for an item of that collector."""
    chain = _chain(collector)
    markers = [marker for node in chain for marker in node.own_markers]
    matchers: Any = mark.KeywordMatcher
    return frozenset(matchers.from_item(_Asked(chain, markers))._names)


def is_matched_attribute(name: str) -> bool:
    """Whether -k looks at an attribute of a function with that name."""
    function = _Attributes()
    function.__dict__[name] = None
    matchers: Any = mark.KeywordMatcher
    return name in matchers.from_item(_Asked(function=function))._names


#: What -k and -m call of an item, or read.
_NAMED_BY = (
    "__getattribute__",
    "iter_markers",
    "iter_markers_with_node",
    "iter_parents",
    "listchain",
    "listextrakeywords",
    "name",
    "parent",
)


def has_plain_names(cls: type) -> bool:
    """Whether items of a lazy class are asked for names and markers as functions of pytest itself are."""
    return issubclass(cls, PyobjMixin) and all(
        getattr(cls, name, None) is getattr(nodes.Node, name, None) for name in _NAMED_BY
    )


#: pytest's own parts of its selection, as they are when nobody has replaced them.
_SELECTING: tuple[tuple[Any, str], ...] = (
    (mark, "deselect_by_keyword"),
    (mark, "deselect_by_mark"),
    (mark.KeywordMatcher, "__call__"),
    (mark.KeywordMatcher, "from_item"),
    (mark.MarkMatcher, "__call__"),
    (Expression, "evaluate"),
)


def _selects_itself() -> bool:
    return all(
        getattr(getattr(owner, name), "__module__", "").startswith("_pytest.mark")
        for owner, name in _SELECTING
    )


def install_servers(
    serving: Any,
    is_lazy: Callable[[object], bool],
    choose: Callable[[MatchExpression, Sequence[Any]], Iterable[bool] | None],
    reorder: Callable[[Sequence[Any], Callable[[Sequence[Any]], list[Any]]], list[Any]],
) -> Callable[[], None]:
    """Let pytest's -k and -m, its grouping by parameters and its tree be answered by lazy nodes without an import.

    :param choose: says for each item whether an expression holds for it; None where pytest itself has to.
    :param reorder: reorders items as pytest's own function, its second argument, does.

    While one of these asks, the matching attribute of `serving` is true, and lazy nodes give stand-ins for what
    exactly this question reads. Returns the function that takes it all back.
    """
    undo: list[Callable[[], None]] = []

    def patch(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        original = owner.__dict__[name]
        setattr(owner, name, make(original))
        undo.append(lambda: setattr(owner, name, original))

    def selection_server(kind: str, text_of: Callable[[Any], str]) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def deselect(items: list[Any], config: Config) -> None:
                text = text_of(config.option)
                if not (text and any(map(is_lazy, items))):
                    original(items, config)
                    return
                expression = MatchExpression(kind, text)
                expression.validate(config)
                chosen = choose(expression, items)
                if chosen is None:
                    original(items, config)
                    return
                remaining: list[Any] = []
                deselected: list[Any] = []
                for item, is_chosen in zip(items, chosen):
                    (remaining if is_chosen else deselected).append(item)
                if deselected:
                    config.hook.pytest_deselected(items=deselected)
                    items[:] = remaining

            return deselect

        return make

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
                return original(item, scope)  # type: ignore[no-any-return]
            if not item._fcm_high_scope():
                return iter(())
            with serving.of("grouping"):
                return iter(list(original(item, scope)))

        return argkeys

    def reorder_server(original: Any) -> Any:
        def reorder_items(items: Sequence[Any]) -> list[Any]:
            return reorder(items, original)

        return reorder_items

    def tree_server(original: Any) -> Any:
        def _printcollecteditems(self: Any, items: Any) -> None:
            if type(self) is TerminalReporter and _prints_ids(self):
                _print_ids(self._tw, items)
                return
            with serving.of("docs"):
                original(self, items)

        return _printcollecteditems

    def items_server(original: Any) -> Any:
        def genitems(self: Any, node: Any) -> Iterable[Any]:
            if is_lazy(node) and _is_unobserved(self):
                return (node,)
            return original(self, node)  # type: ignore[no-any-return]

        return genitems

    from _pytest.terminal import TerminalReporter

    if _selects_itself():
        patch(
            mark,
            "deselect_by_keyword",
            selection_server("k", lambda option: option.keyword.lstrip()),
        )
        patch(mark, "deselect_by_mark", selection_server("m", lambda option: option.markexpr))
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
    patch(pytest.Session, "genitems", items_server)

    def restore() -> None:
        while undo:
            undo.pop()()

    return restore


def _is_unobserved(session: Any) -> bool:
    """Whether nobody would notice that an item is collected: no hook, no monitor of hook calls, no trace."""
    manager = session.config.pluginmanager
    return (
        not manager.hook.pytest_itemcollected.get_hookimpls()
        and getattr(manager._inner_hookexec, "__name__", "") == "_multicall"
        and getattr(session.trace.root, "_writer", session) is None
    )


def _prints_ids(reporter: Any) -> bool:
    """Whether a terminal reporter of pytest's own prints collected items as plain lines of their ids."""
    from _pytest._io import TerminalWriter

    config = reporter.config
    if hasattr(config, "VERBOSITY_TEST_CASES"):
        verbosity = config.get_verbosity(config.VERBOSITY_TEST_CASES)
    else:
        verbosity = config.option.verbose
    return verbosity == -1 and type(reporter._tw) is TerminalWriter


def _print_ids(writer: Any, items: Sequence[Any]) -> None:
    """What writing each id as a line writes, with fewer writes."""
    for start in range(0, len(items), _LINES_AT_ONCE):
        ids = [item.nodeid for item in items[start : start + _LINES_AT_ONCE]]
        text = "\n".join(ids)
        if text.isascii():
            writer.write(text + "\n")
            continue
        # One that can't be encoded is written escaped, alone.
        for name in ids:
            writer.line(name)


def grouped_rows(
    root: pytest.Collector, children: Mapping[pytest.Collector, list[Any]]
) -> list[int]:
    """How pytest's grouping by parameters of higher scopes orders the items of one file.

    :param children: what each collector has collected.

    Returns the items' numbers, counted in the order of collection, in the order of grouping; nothing where that is the
    same.
    """
    items: list[Any] = []
    pending: list[Any] = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, pytest.Collector):
            pending.extend(reversed(children.get(node, ())))
        else:
            items.append(node)
    if not any(_has_high_scope(item) for item in items):
        return []
    rows = {item: row for row, item in enumerate(items)}
    order = [rows[item] for item in fixtures.reorder_items(items)]
    return [] if order == list(range(len(items))) or len(order) != len(items) else order


def _has_high_scope(item: Any) -> bool:
    callspec = getattr(item, "callspec", None)
    scopes = getattr(callspec, "_arg2scope", None) or {}
    return any(scope is not Scope.Function for scope in scopes.values())


# Warnings and output


@contextlib.contextmanager
def collection_warnings(config: Config) -> Iterator[list[warnings.WarningMessage]]:
    """Log warnings under the filters that hold while pytest collects; the list is filled at the end."""
    from _pytest.warnings import catch_warnings_for_item

    log: list[warnings.WarningMessage] = []
    with catch_warnings_for_item(config, _WarningLog(log), "collect", None):
        yield log


class _WarningLog:
    """Takes the place of a hook relay: what pytest would report goes into a list."""

    def __init__(self, log: list[warnings.WarningMessage]) -> None:
        self.log = log
        self.pytest_warning_recorded = self

    def call_historic(self, kwargs: dict[str, Any]) -> None:
        self.log.append(kwargs["warning_message"])


def drop_warnings(unwanted: Callable[[warnings.WarningMessage], bool]) -> None:
    """From now on keep those warnings out of the innermost log, as long as it is in use."""
    original = warnings._showwarnmsg_impl  # type: ignore[attr-defined]

    def log(message: warnings.WarningMessage) -> None:
        if not unwanted(message):
            original(message)

    warnings._showwarnmsg_impl = log  # type: ignore[attr-defined]


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
    from _pytest.assertion import assertstate_key  # type: ignore[attr-defined]

    state = session.config.stash.get(assertstate_key, None)
    if state and state.hook is not None:
        state.hook.set_session(session)


# Preparing pytest in a zygote

#: Options by their `dest`, and what switches them off in a process that only collects for another one.
#: Those that aren't pytest's own are left alone where their plugin isn't loaded.
_OFF: dict[str, Any] = {
    "allure_report_dir": None,
    "cacheclear": False,
    "cov_source": None,
    "debug": None,
    "dist": "no",
    "distload": False,
    "failedfirst": False,
    "htmlpath": None,
    "json_report": False,
    "lf": False,
    "log_file": os.devnull,
    "looponfail": False,
    "maxprocesses": None,
    "newfirst": False,
    "numprocesses": None,
    "pastebin": None,
    "report_log": None,
    "stepwise": False,
    "stepwise_skip": False,
    "trace": False,
    "tx": [],
    "usepdb": False,
    "xmlpath": None,
}


def _switch_off(options: Any) -> None:
    for name, off in _OFF.items():
        if hasattr(options, name):
            setattr(options, name, off)


class _Quiet:
    """Plugin for the time of preparation: switches off what must not run in a zygote."""

    def __init__(self) -> None:
        self.logs_to_file = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: pytest.Config) -> Iterator[None]:
        # Coverage, for one, starts here and looks at these.
        _switch_off(early_config.known_args_namespace)
        return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_cmdline_parse(self) -> Iterator[None]:
        config: Any = yield
        if config is not None:
            self.logs_to_file = bool(config.getoption("log_file", None) or _ini(config, "log_file"))
            _switch_off(config.option)
        return config  # type: ignore[no-any-return]


def _ini(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(name)
    except (ValueError, KeyError):
        return None


class LogCounter:
    """Counts what live logging would have printed and a log file would have got."""

    def __init__(self, config: pytest.Config, logs_to_file: bool) -> None:
        self.count = 0
        plugin = config.pluginmanager.get_plugin("logging-plugin")
        if plugin is None:
            return
        if logs_to_file:
            plugin.log_file_handler.emit = self._emit
        if plugin._log_cli_enabled():
            plugin.log_cli_handler.emit = self._emit

    @classmethod
    def of(cls, config: pytest.Config) -> LogCounter:
        """In a fork of a process that writes them."""
        plugin = config.pluginmanager.get_plugin("logging-plugin")
        file = None if plugin is None else plugin.log_file_handler.baseFilename
        return cls(config, logs_to_file=file not in (None, os.devnull))

    def _emit(self, record: logging.LogRecord) -> None:
        self.count += 1


def prepare_session(args: list[str]) -> tuple[pytest.Config, pytest.Session, LogCounter]:
    """Configure pytest as its main() does, up to and including pytest_sessionstart.

    Whatever writes reports, measures coverage, distributes tests or debugs is switched off; nothing is
    ever unconfigured. Raises what pytest raises: UsageError, ConftestImportFailure, Exit, ...
    """
    quiet = _Quiet()
    config = _pytest.config._prepareconfig(args, [quiet])
    config.pluginmanager.unregister(quiet)
    config.invocation_params = dataclasses.replace(config.invocation_params, plugins=None)
    Cache.set = _cache_set  # type: ignore[method-assign]
    session = pytest.Session.from_config(config)
    config._do_configure()
    config.hook.pytest_sessionstart(session=session)
    return config, session, LogCounter(config, quiet.logs_to_file)


def _cache_set(self: Cache, key: str, value: object) -> None:
    """Cache.set in a zygote: the main process writes the cache."""


def explain_failure(error: BaseException) -> str:
    """One line that says why preparing pytest failed."""
    if isinstance(error, _pytest.config.ConftestImportFailure):
        cause = getattr(error, "cause", None) or getattr(error, "excinfo", (None, error))[1]
        return f"{error.path}: {type(cause).__name__}: {cause}".splitlines()[0]
    if isinstance(error, pytest.UsageError):
        lines = " ".join(str(part) for part in error.args).splitlines() or ["usage error"]
        return next((line for line in lines if "error: " in line), lines[0])
    if isinstance(error, Exit):
        return f"pytest.exit: {error.msg}"
    return (f"{type(error).__name__}: {error}".splitlines() or [type(error).__name__])[0]


def collect_with(
    config: pytest.Config, session: pytest.Session, collect: Callable[[], None]
) -> None:
    """Run pytest's collection with `collect` in place of `Session.perform_collect`.

    It runs inside what every plugin sets up around a collection: warning filters, log handlers, assertion
    rewriting.
    """

    def perform_collect(args: Any = None, genitems: bool = True) -> list[pytest.Item]:
        del session.perform_collect
        collect()
        return []

    session.perform_collect = perform_collect  # type: ignore[method-assign]
    config.hook.pytest_collection(session=session)


class _NoItems:
    """`config.hook` for a collection that has no items to show."""

    def __init__(self, hook: Any) -> None:
        self._hook = hook

    def __getattr__(self, name: str) -> Any:
        if name in ("pytest_collection_modifyitems", "pytest_collection_finish"):
            return _nothing
        return getattr(self._hook, name)


def _nothing(**kwargs: object) -> None:
    pass


@contextlib.contextmanager
def ignored_paths_once(config: Any) -> Iterator[None]:
    """Around collecting: the paths of a conftest's `collect_ignore` are made once.

    pytest makes them anew for each file and folder, which for networkx' list is a third of what collecting costs warm.
    """
    original = config._getconftest_pathlist
    known: dict[tuple[str, ...], list[Path]] = {}

    def pathlist(name: str, path: Path) -> Any:
        try:
            module, entries = config.pluginmanager._rget_with_confmod(name, path)
        except KeyError:
            return None
        if type(entries) not in (list, tuple) or not all(type(entry) is str for entry in entries):
            return original(name, path)
        key = (name, str(module.__file__), *entries)
        if key not in known:
            known[key] = original(name, path)
        return list(known[key])

    config._getconftest_pathlist = pathlist
    try:
        yield
    finally:
        del config._getconftest_pathlist


def walk_files(
    config: pytest.Config, session: pytest.Session, note: Callable[[pytest.File], None]
) -> None:
    """Collect as `Session.perform_collect` does, but only `note` each file's collector.

    Every hook for directories and files runs, in order; a file that is met twice is noted twice. Arguments
    inside a file are not looked for. Raises UsageError for an argument that names no file or directory.
    """
    collect_one_node = session._collect_one_node
    collect = session.collect
    hook = config.hook
    unread = CollectReport("", "skipped", None, [])

    def note_file(node: Any, handle_dupes: bool = True) -> tuple[CollectReport, bool]:
        if isinstance(node, nodes.File):
            note(node)
            return unread, True
        return collect_one_node(node, handle_dupes)

    def forget_missing() -> Iterator[Any]:
        yield from collect()
        session._notfound.clear()

    session._collect_one_node = note_file  # type: ignore[method-assign]
    session.collect = forget_missing  # type: ignore[method-assign]
    config.hook = _NoItems(hook)  # type: ignore[assignment]
    try:
        with ignored_paths_once(config):
            session.perform_collect()
    except (session.Failed, session.Interrupted):
        pass  # --maxfail and errors of directories: the main process meets them too
    finally:
        config.hook = hook
        del session._collect_one_node
        del session.collect


# Where pytest imports a file from


class ModuleLocator:
    """What pytest's `import_path` makes of a path: the entry of sys.path and the module's name."""

    def __init__(self, config: pytest.Config) -> None:
        self.mode = str(config.getoption("importmode"))
        self._namespaces = bool(_ini(config, "consider_namespace_packages"))
        self._directories: dict[str, tuple[str, str]] = {}

    def locate(self, node: pytest.File) -> tuple[str, str] | None:
        """(entry of sys.path, module name), or None for what isn't imported by way of sys.path."""
        if self.mode == "importlib" or not isinstance(node, pytest.Module):
            return None
        if isinstance(node, DoctestTextfile):
            return None  # text
        path = node.path
        # several times for each file: paths as text are quicker
        folder, _, file = os.fspath(path).rpartition(os.sep)
        if file == "conftest.py":
            return None  # was imported by the walk
        found = self._directories.get(folder)
        if found is None:
            found = self._directories[folder] = self._locate_directory(path)
        root, package = found
        stem = path.stem if file.startswith(".") or not file.endswith(".py") else file[:-3]
        if stem == "__init__":
            return root, package.rstrip(".")
        return root, package + stem

    def _locate_directory(self, path: Path) -> tuple[str, str]:
        root = path.parent
        if self._namespaces:
            try:
                root, _ = _pytest.pathlib.resolve_pkg_root_and_module_name(
                    path, consider_namespace_packages=True
                )
            except _pytest.pathlib.CouldNotResolvePathError:
                pass
        else:
            package = _pytest.pathlib.resolve_package_path(path)
            if package is not None:
                root = package.parent
        return str(root), "".join(part + "." for part in path.parent.relative_to(root).parts)


# Capturing output in a worker


def capture_method(config: pytest.Config) -> str:
    """How output is captured: "fd", "sys", "tee-sys" or "no"."""
    manager = config.pluginmanager.get_plugin("capturemanager")
    return "no" if manager is None else str(manager._method)


def load_readline() -> None:
    """What pytest does when it begins to capture, where it does: 9.x loads readline on every system."""
    workaround: Callable[[], None] | None = getattr(_pytest.capture, "_readline_workaround", None)
    if workaround is not None:
        workaround()


def stop_capture(config: pytest.Config) -> None:
    """Put back the descriptors that pytest's capturing has replaced; what it holds is dropped."""
    manager = config.pluginmanager.get_plugin("capturemanager")
    if manager is not None and manager._global_capturing is not None:
        manager.read_global_capture()
        manager.stop_global_capturing()


def leave_capture(config: pytest.Config) -> None:
    """In a fork: what `stop_capture` does, while the files that the parent captures into keep what they hold."""
    manager = config.pluginmanager.get_plugin("capturemanager")
    if manager is None or manager._global_capturing is None:
        return
    for capture in (manager._global_capturing.out, manager._global_capturing.err):
        if isinstance(capture, _pytest.capture.FDCaptureBase):
            empty = os.memfd_create("fastcollect-meta-capture")
            os.dup2(empty, capture.tmpfile.fileno(), inheritable=False)
            os.close(empty)
    stop_capture(config)


def start_capture(config: pytest.Config, out: int, err: int) -> None:
    """Start it again, suspended, with the files `out` and `err` for output where it captures descriptors.

    After a fork the temporary files of before are shared with other processes.
    """
    manager = config.pluginmanager.get_plugin("capturemanager")
    if manager is None:
        return
    files = [out, err]

    def make_file(*args: Any, **kwargs: Any) -> IO[bytes]:
        if not files:
            return tempfile.TemporaryFile(*args, **kwargs)  # type: ignore[no-any-return]
        return os.fdopen(os.dup(files.pop(0)), "w+b", buffering=0)

    capture: Any = _pytest.capture
    original = capture.TemporaryFile
    capture.TemporaryFile = make_file
    try:
        manager.start_global_capturing()
    finally:
        capture.TemporaryFile = original
    manager.suspend_global_capture()


# Collecting a file in a worker


def make_collect_report(collector: pytest.Collector) -> CollectReport:
    """What pytest's collect_one_node does, without its hooks for the start and for interaction."""
    return collector.ihook.pytest_make_collect_report(collector=collector)  # type: ignore[no-any-return]


#: Attributes that pytest itself gives to a report.
_REPORT_ATTRIBUTES = frozenset({*vars(CollectReport("", "passed", None, [])), "call"})
#: `sections` of a report that capturing makes.
CAPTURED = {"Captured stdout": "captured_out", "Captured stderr": "captured_err"}


def report_additions(report: CollectReport) -> list[str]:
    """What plugins have added to a report, by name."""
    added = [name for name in vars(report) if name not in _REPORT_ATTRIBUTES]
    added += [name for name, _ in report.sections if name not in CAPTURED]
    return added


def check_shared_classes(children: Mapping[pytest.Collector, Iterable[Any]]) -> None:
    """Parameters of class scope are grouped by the class itself, which lazy nodes tell apart by name.

    :raises Unrepresentable: where two of a file's collectors have the same class, and such parameters are there.
    """
    classes = [id(node.obj) for node in children if isinstance(node, pytest.Class)]
    if len(set(classes)) == len(classes):
        return
    for found in children.values():
        for item in found:
            callspec = getattr(item, "callspec", None)
            if callspec is not None and Scope.Class in callspec._arg2scope.values():
                raise Unrepresentable("shared-class", item.nodeid)


def failed_collection(collector: pytest.Collector, message: str) -> CollectReport:
    """The report of a collector that raised CollectError(message)."""
    return CollectReport(collector.nodeid, "failed", CollectErrorRepr(message), [])


def report_failure(report: CollectReport) -> str:
    """One line that says why a report isn't passed."""
    call = getattr(report, "call", None)
    if call is None or call.excinfo is None:
        return str(report.outcome)
    error = call.excinfo.value
    text = str(error) if isinstance(error, nodes.Collector.CollectError) else ""
    text = text or str(call.excinfo.exconly(tryshort=True))
    return text.partition("\n")[0][:500]


@contextlib.contextmanager
def recorded_warnings(config: pytest.Config, record: Callable[[Any], None]) -> Iterator[None]:
    """Within pytest's own catching of warnings, hand each WarningMessage to `record` too.

    Does nothing where pytest's warnings plugin is off: then warnings go to stderr.
    """
    module: Any = warnings
    original = getattr(module, "_showwarnmsg_impl", None)
    if original is None or not config.pluginmanager.has_plugin("warnings"):
        yield
        return
    module._showwarnmsg_impl = record
    try:
        yield
    finally:
        if module._showwarnmsg_impl is record:
            module._showwarnmsg_impl = original


def pytest_version() -> str:
    """Version of the pytest that is loaded."""
    return str(pytest.__version__)


def python_version() -> str:
    """Version of this Python, as in "3.11.7"."""
    return ".".join(map(str, sys.version_info[:3]))


@contextlib.contextmanager
def observed_warnings(observe: Callable[[Any], bool]) -> Iterator[None]:
    """Tell of each WarningMessage that passes the filters; it goes its way if `observe` says so."""
    module: Any = warnings
    original = module._showwarnmsg_impl

    def show(message: Any) -> None:
        if observe(message):
            original(message)

    module._showwarnmsg_impl = show
    try:
        yield
    finally:
        if module._showwarnmsg_impl is show:
            module._showwarnmsg_impl = original


# The cache


def cache_directory(config: pytest.Config) -> Path | None:
    """Folder of pytest's cache, None where the cache is switched off. It may not be there yet."""
    if not config.pluginmanager.hasplugin("cacheprovider"):
        return None
    return Cache.cache_dir_from_config(config, _ispytest=True)


def has_arguments(config: pytest.Config) -> bool:
    """Whether the command line says what is collected, and not the configuration file or the working folder."""
    return config.args_source is config.ArgsSource.ARGS


def default_manifest(config: pytest.Config) -> Path | None:
    """Where the manifest of a project lies by default; None where pytest's cache is switched off."""
    cache = cache_directory(config)
    if cache is None:
        return None
    return cache / "d" / "fastcollect-meta" / f"{sys.implementation.cache_tag}.manifest"


def make_cache_directory(config: pytest.Config, name: str) -> bool:
    """Make a folder of that name in pytest's cache, with what belongs beside it; false where that can't be."""
    cache = getattr(config, "cache", None)
    if cache is None:
        return False
    try:
        cache.mkdir(name)
    except OSError:
        return False
    return True
