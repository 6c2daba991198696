"""Keeps the order of imports that matters: registrars before the files that come after them."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from .filters import OwnFilters, context_with, registrars_of
from .materialize import become_real
from .origin import State
from .registries import Registries, context_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from .filters import Filter
    from .origin import Origin


class ImportOrder:
    """The registrars among the files that have been collected so far in this process (see `registries`).

    A record holds in a context: the registrars that were imported before its file. Where a file is imported here,
    natively or to become real, those before it are imported first; and before a registrar is, the files before it
    whose tests may still run, which would see what it registers.
    """

    def __init__(self, root: Path, class_trees: Iterable[str] = ()) -> None:
        """`class_trees`: classes whose subclasses count (see `Registries`)."""
        self._root = root
        self._class_trees = class_trees
        self._paths: list[str] = []
        #: None for one that was collected natively.
        self._origins: list[Origin | None] = []
        #: All files that came from records, in the order of collection.
        self._recorded: list[Origin] = []
        #: The tests that are run, once all have been collected.
        self._items: list[Any] | None = None
        #: Their files.
        self._running: set[Origin] | None = None
        self._registries: Registries | None = None
        self._watching = contextlib.ExitStack()
        self._open = contextlib.ExitStack()
        #: The context of the file that is collected next, as far as registrars make it.
        self.context = b""
        #: The full context of the file that was imported here last.
        self.begun_in = b""
        #: Filters of warnings that files have set; None before collection.
        self.filters: OwnFilters | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Around all collecting."""
        with self._open:
            yield

    def begin(self) -> None:
        """Collection has begun: what holds now has been set by nobody of the run."""
        if self.filters is None:
            self.filters = OwnFilters(self._root)
            self._open.enter_context(self.filters.watching())

    def found(self, node: Any) -> None:
        """A file of the run."""
        if self.filters is not None:
            self.filters.files.add(os.fspath(node.path))

    def add_filters(self, added: Sequence[Filter]) -> Sequence[Filter]:
        """Filters of warnings that the import of the next file adds; returns those that files before it have set."""
        if self.filters is None:
            return ()
        held = self.filters.own()
        self.filters.add(added)
        return held

    def full_context(self) -> bytes:
        """The context of the file that is collected next, with the filters of warnings that hold."""
        return context_with(self.context, self.filters.state() if self.filters else b"")

    def why_unusable(self, contexts: Iterable[bytes]) -> str:
        """Why a result that holds in these contexts doesn't here; empty where it does."""
        if self.context in contexts or self.full_context() in contexts:
            return ""
        known = map(registrars_of, contexts)
        return "warning-filters" if registrars_of(self.context) in known else "import-order"

    def note(self, node: Any, origin: Origin | None) -> None:
        """A file that has just been collected is a registrar."""
        self._paths.append(os.path.relpath(node.path, self._root))
        self._origins.append(origin)
        self.context = context_of(self._paths)

    def importer(self, origin: Origin, registrar: bool) -> Callable[[], None] | None:
        """Imports what has to be imported before the file that has just been made of a record; None for nothing."""
        number = len(self._recorded)
        self._recorded.append(origin)
        if registrar:
            return partial(self._import_predecessors, number)
        return partial(self._import, len(self._origins)) if self._origins else None

    def import_recorded(self) -> None:
        """Imports all files that came from records so far, as pytest alone would have done."""
        for origin in self._recorded:
            become_real(origin)

    def _import_predecessors(self, count: int) -> None:
        for origin in self._recorded[:count]:
            if origin.state is State.LAZY and (origin.record.registrar or self._may_run(origin)):
                become_real(origin)

    def begin_to_run(self, items: list[Any]) -> None:
        """From now on it matters only to these tests what has been imported before their files."""
        self._items, self._running = items, None

    def import_running(self, items: list[Any]) -> None:
        """Imports the files of these tests, which are about to run, in the order in which they were collected."""
        self.begin_to_run(items)
        for origin in self._recorded:
            if self._may_run(origin):
                become_real(origin)

    def _may_run(self, origin: Origin) -> bool:
        if self._items is None:
            return True
        if self._running is None:
            found = (item.parent.__dict__.get("_fcm_origin") for item in self._items if item.parent)
            self._running = {origin.whole for origin in found if origin is not None}
        return origin in self._running

    def _import(self, count: int) -> None:
        for origin in self._origins[:count]:
            if origin is not None:
                become_real(origin)

    def begin_native(self) -> None:
        """A file is about to be imported here."""
        self._watching.close()
        self.begun_in = self.full_context()
        self._import(len(self._origins))
        if self._registries is None:
            self._registries = Registries(self._class_trees)
        else:
            self._registries.changes()
        self._watching.enter_context(self._registries.watching())

    def end_native(self, node: Any) -> bool:
        """It has been imported; whether it is a registrar."""
        self._watching.close()
        if self.filters is not None:
            self.filters.settle()
        if self._registries is None or not self._registries.changes():
            return False
        self.note(node, None)
        return True
