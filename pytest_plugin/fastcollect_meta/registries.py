"""Notices modules whose import changes what modules see that are imported later.

A registry is a container that lives in a module or in a class or object of a module: pandas' list of extension types,
networkx' dict of algorithms. A test file that adds to one, or whose helper modules do, is a *registrar*: files that are
collected after it can have other tests (parametrized over all that is registered) than where it wasn't imported.

What is compared is sizes of containers, before and after a file. Containers of the standard library and of pytest, and
those that call themselves caches, hold nothing that a test is made of.
"""

from __future__ import annotations

import collections
import contextlib
import importlib.machinery
import os
import sys
import types
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

from . import _native
from .introspection import find_class

_CONTAINERS = (list, dict, set, collections.deque)
_IGNORED = frozenset(sys.stdlib_module_names) | {
    "_pytest",
    "fastcollect_meta",
    "pluggy",
    "pytest",
    "xdist",
}
#: How names of containers begin that libraries count their own work in: what is loaded, what is alive, which process this is.
_BOOKKEEPING = (
    "filelock._api._FORK_",
    "hypothesis.internal.",
    "hypothesis.strategies._all_strategies.",
    "hypothesis.strategies._internal.utils._all_strategies.",
    "trio._core._ki._CODE_KI_",
)
#: Parts of names of containers that only keep what can be computed again.
_CACHES = ("cache", "memo")
_HEAP_TYPE = 1 << 9


def context_of(paths: Iterable[str]) -> bytes:
    """Digest of the registrars that were imported, in the order of collection; empty for none."""
    joined = b"\0".join(map(os.fsencode, paths))
    return _native.context_digest(joined) if joined else b""


class _ClassTree:
    """The classes below a class, as a container."""

    def __init__(self, root: type) -> None:
        self._root = root

    def __len__(self) -> int:
        found: set[type] = set()
        pending = [self._root]
        while pending:
            new: set[type] = set(type.__subclasses__(pending.pop())) - found
            found |= new
            pending += new
        return len(found)


class Registries:
    """The containers of all modules that are loaded, and their sizes.

    :param class_trees: classes whose subclasses count as well, as "module:class".
    """

    def __init__(self, class_trees: Iterable[str] = ()) -> None:
        self._class_trees = list(class_trees)
        self._modules: set[str] = set()
        self._names: list[str] = []
        self._containers: list[Any] = []
        self._sizes = array("q")
        #: Ids of containers. What grows with each import isn't compared, by whatever name a module has it: twisted has sys.modules.
        self._known = {id(sys.modules), id(sys.path_importer_cache)}
        self._environment: dict[Any, Any] = {}
        self.changes()

    def changes(self) -> list[str]:
        """Names of the containers whose size has changed since this was asked last."""
        changed = _native.changed_sizes(self._containers, self._sizes)
        found = [self._names[index] for index in changed]
        environment = _environment()
        if environment != self._environment:
            if self._modules:
                found.append("os.environ")
            self._environment = environment
        self._add_modules()
        return found

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Around imports: a module's containers are looked at as soon as it is loaded, before its importer goes on."""
        loader: Any = importlib.machinery.SourceFileLoader.__mro__[-2]
        original = loader.exec_module
        # It must show neither in tracebacks nor to warnings' stack levels.
        loader.exec_module = _native.followed(original, self._add_loaded)
        try:
            yield
        finally:
            loader.exec_module = original

    def _add_loaded(self, module: Any) -> None:
        name = getattr(module, "__name__", None)
        if type(name) is str and sys.modules.get(name) is module:
            self._add_named(name, module)

    def _add_named(self, name: str, module: Any) -> None:
        if name not in self._modules:
            self._modules.add(name)
            if name.partition(".")[0] not in _IGNORED:
                self._add_module(name, module)
            for tree in self._class_trees:
                if tree.partition(":")[0] == name:
                    self._add_tree(tree)

    def _add_modules(self) -> None:
        for name in _native.unknown_keys(sys.modules, self._modules):
            if (module := sys.modules.get(name)) is not None:
                self._add_named(name, module)

    def _add_module(self, name: str, module: Any) -> None:
        for key, value in _entries(module):
            kind = type(value)
            if issubclass(kind, _CONTAINERS):  # isinstance() would ask the object for its __class__
                self._add(f"{name}.{key}", value)
            elif issubclass(kind, type):
                if getattr(value, "__module__", None) == name:
                    for attribute, held in _entries(value):
                        self._add(f"{name}.{key}.{attribute}", held)
            elif kind.__flags__ & _HEAP_TYPE and not issubclass(kind, types.ModuleType):
                for attribute, held in _entries(value):
                    self._add(f"{name}.{key}.{attribute}", held)

    def _add(self, name: str, value: Any) -> None:
        if not issubclass(type(value), _CONTAINERS) or id(value) in self._known:
            return
        lower = name.lower()
        if not name.startswith(_BOOKKEEPING) and not any(word in lower for word in _CACHES):
            self._keep(name, value)

    def _add_tree(self, name: str) -> None:
        root = find_class(name)
        if root is not None:
            self._keep(f"subclasses of {name}", _ClassTree(root))

    def _keep(self, name: str, container: Any) -> None:
        self._known.add(id(container))
        self._names.append(name)
        self._containers.append(container)
        self._sizes.append(_size(container))


def _entries(owner: Any) -> list[tuple[str, Any]]:
    """Names and values of an object's own attributes, without asking anything of the object that could run code."""
    try:
        if issubclass(type(owner), type):
            entries = list(type.__dict__["__dict__"].__get__(owner).items())
        else:
            found = object.__getattribute__(owner, "__dict__")
            entries = list(found.items()) if type(found) is dict else []
    except Exception:
        return []
    return [
        (name, value) for name, value in entries if type(name) is str and not name.startswith("__")
    ]


def _environment() -> dict[Any, Any]:
    encoded = getattr(os.environ, "_data", None)
    return dict(encoded) if type(encoded) is dict else dict(os.environ.items())


def _size(container: Any) -> int:
    try:
        return len(container)
    except Exception:
        return -1
