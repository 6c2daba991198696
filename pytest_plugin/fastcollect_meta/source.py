"""Where the main process takes a file's collection from, and what it counts on the way."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from . import _wire, compat, filters
from ._native import Record
from .active_adapters import class_trees
from .compiling import is_compiled, is_from_compiling
from .effects import FileHooks
from .explain import Asker, ImportLog
from .failing import FailingFiles
from .forked import Outcome, can_fork, collect_in_fork
from .frameless import frameless
from .here import HereCollection
from .import_order import ImportOrder
from .installed_copies import InstalledCopies
from .introspection import find_class
from .late_fixtures import LateFixtures
from .materialize import (
    become_real,
    check_duplicates,
    lazify,
    why_different,
)
from .module_names import ModuleNames
from .named_files import are_few
from .nodes import LazyFile, build_children, classes_of, lazy_class, real_class
from .notes import DependencyNotes
from .options import is_named
from .origin import Origin
from .progress import Progress
from .reasons import Unrepresentable
from .rerun import Rerun
from .syspath import begins_with, insert_root

if TYPE_CHECKING:
    from .dependencies import Dependencies
    from .farm import Answer, Farm
    from .store import Key, Store
    from .treatments import Treatments

#: Where the reason to collect a file natively comes from the manifest.
NOTED = "noted in the manifest"
#: Seconds of collecting stale or unknown files in this process before it is worth starting a farm.
FARM_WORTH = 1.0
#: Seconds that a fork may take for a file, besides ten times what the file took before. Then a worker gets it.
_FORK_LIMIT = 5.0
#: The same for one that pytest is asked for by its name and that may be new here: a worker costs more than waiting.
_NAMED_FORK_LIMIT = 30.0

#: Reasons to collect a file natively, after those that stand for the same module or file.
_OTHERS_FIRST = ("duplicate-module-name", "several-collectors")


class RecordedSkip(pytest.skip.Exception):  # type: ignore[misc,name-defined]
    """A file that was skipped as a whole in a worker; `longrepr` is what its report holds."""

    def __init__(self, longrepr: tuple[str, int, str]) -> None:
        super().__init__(longrepr[2], allow_module_level=True)
        self.longrepr = longrepr


#: A warning from a record, and the file whose import raised it; empty where nothing was being imported.
Repeated = tuple[warnings.WarningMessage, str]


def _warning_key(message: warnings.WarningMessage) -> tuple[object, ...]:
    return str(message.message), message.category, message.filename, message.lineno


def _compiled_already(message: warnings.WarningMessage) -> bool:
    """Whether a warning was raised by compiling a file that nobody would compile again."""
    return is_from_compiling(str(message.message), message.category) and is_compiled(
        message.filename
    )


def _fail(node: Any, message: str) -> Iterable[Any]:
    raise node.CollectError(message)


def file_key(node: Any) -> Key:
    """A file's collector as the farm and the manifest name it, lazy or real: its path, "module:qualname" of its real class."""
    cls = real_class(node)
    return os.fspath(node.path), f"{cls.__module__}:{cls.__qualname__}"


@dataclass(slots=True)
class Counts:
    """Files and tests by where they came from."""

    files: Counter[str] = field(default_factory=Counter)
    tests: Counter[str] = field(default_factory=Counter)
    #: Natively collected files by reason, and for each an example: path, detail.
    reasons: Counter[str] = field(default_factory=Counter)
    details: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    #: Files whose record in the manifest was stale, by the dependency that had changed.
    stale: Counter[str] = field(default_factory=Counter)
    #: Files whose modules were imported for an answer that metadata doesn't have, or to run.
    materialized: int = 0
    waited: float = 0.0


class Source:
    """Gives lazy files their collection: from the manifest, from the farm, or made here.

    :param workers: 0: everything is collected in this process, through the same records.
    :param farm: the farm that has been started already, if any.
    :param store: the manifest, None without one.
    :param start_farm: starts one later, with prefetch off; gives None where that can't be.
    :param treatments: hooks that aren't just called.
    :param time_limit: seconds that a file may take, 0 for a limit by its history.
    """

    def __init__(
        self,
        session: pytest.Session,
        workers: int,
        farm: Farm | None,
        store: Store | None,
        start_farm: Callable[[], Farm | None],
        treatments: Treatments,
        time_limit: float,
    ) -> None:
        self.config = config = session.config
        self.workers = workers
        self.farm = farm
        self.store = store
        self._start_farm = start_farm
        self.treatments = treatments
        self._time_limit = time_limit
        self._ordered = tuple(config.getini("fastcollect_meta_ordered"))
        self._farm_failed = False
        #: Whether the farm knows what to collect; one that was started early begins by itself.
        self._asked = True
        self._here_seconds = 0.0
        #: Whether pytest is asked for a few files by their names.
        self._few_named = False
        self._notes: DependencyNotes | None = None
        self._hooks: FileHooks | None = None
        self.counts = Counts()
        self.progress = Progress()
        #: What was imported for answers, and who asked.
        self.imports = ImportLog(config)
        self.failures: list[Origin] = []
        self.order = ImportOrder(config.rootpath, class_trees(config))
        #: Files that fail instead of being imported.
        self._deadly: set[Any] = set()
        #: Files that pytest collects itself, until it has.
        self._collected_natively: set[Any] = set()
        #: Collectors that have just been collected from a record: what its report gets besides.
        self.sections: dict[pytest.Collector, list[tuple[str, str]]] = {}
        self._failing = FailingFiles(
            None if store is None else self._note_failed, self._note_no_longer_failed
        )
        self._late_fixtures = LateFixtures(session)
        self._locator = compat.ModuleLocator(config)
        self._names = ModuleNames(self._locator)
        #: Collectors that have been collected, or are, by the path of their file.
        self._by_path: dict[str, list[Any]] = {}
        self._copies = InstalledCopies(self._locator)
        self._warned: set[tuple[object, ...]] = set()

    def adopt(self, node: pytest.File) -> None:
        """Make a file's collector, fresh from its hook, a lazy one where that is possible."""
        self.order.found(node)
        try:
            lazy = lazy_class(type(node), LazyFile)
        except Unrepresentable as why:
            self._collected_natively.add(node)
            self._count_native(node, why.reason, why.detail)
            return
        node.__dict__["_fcm_source"] = self
        node.__dict__["_fcm_constructed"] = len(node.own_markers)
        node.__class__ = lazy

    def went_native(self, node: Any, reason: str, detail: str) -> None:
        """Give a lazy file its real class back: pytest collects it itself."""
        self.order.found(node)
        node.__class__ = real_class(node)
        node.__dict__.pop("_fcm_source", None)
        node.__dict__.pop("_fcm_collect", None)
        if reason == "asked-before-collection":
            self.imports.note(os.fspath(node.path), -1)
        self._collected_natively.add(node)
        self._count_native(node, reason, detail)

    def about_to_collect(self, node: pytest.Collector) -> None:
        """pytest is about to collect something; a file that is collected natively has its registrars imported."""
        self._late_fixtures.collecting(node)
        if isinstance(node, pytest.File):
            self._names.note(node)
            self._by_path.setdefault(os.fspath(node.path), []).append(node)
        self.order.begin()
        if node in self._collected_natively:
            self.order.begin_native()

    def _count_native(self, node: Any, reason: str, detail: str) -> None:
        self.counts.files["natively"] += 1
        self._tell_progress()
        self.counts.reasons[reason] += 1
        self.counts.details.setdefault(reason, []).append((os.fspath(node.path), detail))
        if self.store is not None and detail != NOTED:
            self.store.add_unknown(file_key(node))

    def _tell_progress(self) -> None:
        if self.progress:
            known = 0 if self.farm is None else self.farm.known()
            total = max(known, 0 if self.store is None else len(self.store))
            self.progress.tell(sum(self.counts.files.values()), total)

    def collecting(self, node: Any) -> Callable[[], Iterable[Any]]:
        """What `collect` of a lazy file is. Calling it raises what the real one raises."""
        self._tell_progress()
        if self.workers == 0:
            return self._collecting_here(node)
        depends = self.why_not_from_record(node)
        if depends:
            detail = NOTED if depends in _OTHERS_FIRST else ""
            return self.collecting_natively(node, depends, detail)
        key = file_key(node)
        if self.store is not None:
            packed, reason = self.store.get(key)
            if reason:
                return self._collecting_noted(node, key, reason)
            if packed is not None:
                record, why_not = self.usable(packed)
                if record is not None:
                    return partial(self._collect_record, node, record, "manifest")
                if why_not == "warning-filters":
                    # so is one that the farm would make
                    return self.collecting_natively(node, why_not, NOTED)
                self.store.keep_other_context(key, packed)
            why = self.store.stale_reason(key)
            if why is not None:
                self.counts.stale[why] += 1
        if self.farm is None and self._few_files() and not self._is_deadly(key):
            collecting = self._collecting_in_fork(node, key)
            if collecting is not None:
                return collecting
        if self.farm is None and not self._farm_failed:
            self._begin_farm()
        if self.farm is None:
            return self._collecting_without_farm(node, key, "")
        return self._collecting_from_farm(node, key)

    def _collecting_noted(self, node: Any, key: Key, reason: str) -> Callable[[], Iterable[Any]]:
        """What `collect` is of a file that the manifest says to collect natively, for what is in the file itself.

        Where modules have changed that it may import, another process is to survive that first.
        """
        assert self.store is not None
        # what a file that fails has read is known
        known = reason == "collection-error" or not self.store.modules_changed()
        if known or self._survives_in_fork(node, key):
            return self.collecting_natively(node, reason, NOTED)
        if self.farm is None and not self._farm_failed:
            self._begin_farm()
        answer = None if self.farm is None else self._ask_farm(key)
        if answer is not None and answer.failed:
            return self._collecting_fatal(node, key, answer)
        return self.collecting_natively(node, reason, NOTED)

    def usable(self, packed: bytes) -> tuple[Record | None, str]:
        """A record that holds for the file that is collected next; None and the reason where it doesn't."""
        try:
            record = Record(packed)
        except ValueError:
            return None, "malformed-record"
        except MemoryError:
            return None, "no-memory"
        why = self.order.why_unusable(record.contexts)
        return (None, why) if why else (record, "")

    def _twins(self, node: Any) -> Iterator[Any]:
        """Collectors of the same class that have stood for the same file before."""
        for other in self._by_path.get(os.fspath(node.path), ()):
            if other is not node and real_class(other) is real_class(node):
                yield other

    def why_not_from_record(self, node: Any) -> str:
        """Why a file is collected natively whatever is known of it: it depends on the files before it. Empty: it isn't."""
        taken = self._copies.may_be_taken(node)
        if is_named(node.path, self.config, self._ordered):
            return "declared-ordered"
        if self._names.clash(node) is not None:
            return "duplicate-module-name"
        if compat.FIXTURES_BY_ID and any(self._twins(node)):
            return "several-collectors"
        return "installed-copy" if taken else ""

    def collecting_natively(
        self, node: Any, reason: str, detail: str
    ) -> Callable[[], Iterable[Any]]:
        """What `collect` is of a file that goes native: its own, after the files before it where it depends on them."""
        if reason in ("declared-ordered", "depends-on-order", "installed-copy"):
            self.order.import_recorded()
        elif reason in _OTHERS_FIRST:
            for other in (*self._names.namesakes(node), *self._twins(node)):
                origin = other.__dict__.get("_fcm_origin")
                if origin is not None:
                    become_real(origin)
        self.went_native(node, reason, detail)
        self.order.begin_native()
        if reason == "collection-error":
            self._failing.begin(node, detail == NOTED)
        return node.collect  # type: ignore[no-any-return]

    def _note_failed(self, node: Any, found: Dependencies) -> None:
        assert self.store is not None
        self.store.add_failed(file_key(node), found)

    def _note_no_longer_failed(self, node: Any, seconds: float) -> None:
        assert self.store is not None
        self.store.add_unknown(file_key(node), seconds)

    def begin(self) -> None:
        """Collection begins: everything of pytest is loaded."""
        if self.workers == 0:
            return
        store = self.store
        if store is not None:
            store.open(self.config)
        self._few_named = are_few(self.config)
        if self.farm is not None or self._few_named:
            return
        if store is None or len(store) == 0 or store.stale_seconds() > FARM_WORTH:
            self._begin_farm()

    def _few_files(self) -> bool:
        # of those that are named a farm would have the last one only, when the others have taken their time
        known = len(self.store or ()) > 0
        return self._few_named or (known and self._here_seconds < FARM_WORTH)

    def _is_deadly(self, key: Key) -> bool:
        return self.store is not None and self.store.is_deadly(key)

    def _begin_farm(self) -> None:
        self.farm = self._start_farm()
        self._farm_failed = self.farm is None
        self._asked = False

    # In this process

    def _collecting_in_fork(self, node: Any, key: Key) -> Callable[[], Iterable[Any]] | None:
        """What `collect` is of a file that no worker has tried: a fork of this process is to survive its import.

        None where it doesn't, or where there can be no fork.
        """
        outcome = self._in_fork(node, key)
        if outcome.lost:
            return None
        if outcome.record is None:
            if self.store is not None:
                self.store.add_native(key, outcome.reason, 0.0)
            return self.collecting_natively(node, outcome.reason, outcome.detail)
        record, why = self.usable(outcome.record)
        if record is None:
            return self.collecting_natively(node, why, "")
        if self.store is not None:
            self.store.add(key, outcome.record)
        return partial(self._collect_record, node, record, "here")

    def _survives_in_fork(self, node: Any, key: Key) -> bool:
        return self.farm is None and self._few_files() and not self._in_fork(node, key).lost

    def _in_fork(self, node: Any, key: Key) -> Outcome:
        if len(node.own_markers) != node.__dict__.get("_fcm_constructed", 0):
            return Outcome(lost="a hook has marked it, which its record must not hold")
        if not can_fork():
            return Outcome(lost="this process has other threads")
        if self._notes is None and self.store is not None:
            self._notes = DependencyNotes(self.config, self.store.base)
            # The store adds what all files depend on.
            self._notes.shared_was_sent = True
        if self._hooks is None:
            self._hooks = FileHooks(self.config, node.session, self.treatments)
        began = time.perf_counter()
        known = 0.0 if self.store is None else self.store.seconds(key)
        least = _NAMED_FORK_LIMIT if self._few_named else _FORK_LIMIT
        limit = self._time_limit or least + 10 * known
        outcome = collect_in_fork(self.config, partial(self._record_in_fork, node), limit)
        self._here_seconds += time.perf_counter() - began
        return outcome

    def _record_in_fork(self, node: Any) -> bytes:
        """In a fork: import a file, after the registrars before it, and make its record.

        :raises Unrepresentable: where it has to be collected natively.
        """
        node.__class__ = real_class(node)
        node.__dict__.pop("_fcm_source", None)
        assert self._hooks is not None
        # no test runs in here: of the files before it only registrars matter
        self.order.begin_to_run([])
        self.order.begin_native()
        assert self.order.filters is not None
        context, standing = self.order.begun_in, self.order.filters.standing()
        logs = compat.LogCounter.of(self.config)
        directory, path = os.getcwd(), list(sys.path)
        collection = HereCollection(node, self._notes, self._hooks)
        node.__dict__["collect"] = collection.collecting()
        report = compat.make_collect_report(node)
        registrar = self.order.end_native(node)
        record = collection.record(report)
        if record is None:
            raise Unrepresentable("collection-error", compat.report_failure(report))
        added = self.order.filters.added(standing)
        if logs.count:
            raise Unrepresentable("logs-while-importing", f"{logs.count} log records")
        located = self._locator.locate(node)
        if located is not None:
            insert_root(path, located[0], self._locator.mode)
        if not begins_with(sys.path, path):
            raise Unrepresentable("changes-sys-path")
        if os.getcwd() != directory:
            raise Unrepresentable("changes-directory", os.getcwd())
        about = {"contexts": [context], "registrar": registrar, "filters": filters.fields(added)}
        return record + _wire.pack("Record", about)

    def _collecting_without_farm(
        self, node: Any, key: Key, detail: str
    ) -> Callable[[], Iterable[Any]]:
        """What `collect` is where the farm has gone: pytest's own, but for a file that is known to have ended a process."""
        if self.store is not None:
            if self.store.is_deadly(key):
                return self._collecting_deadly(node, key)
            self.store.importing(key)
        return self.collecting_natively(node, "farm-gone", detail)

    def _collecting_deadly(self, node: Any, key: Key) -> Callable[[], Iterable[Any]]:
        collecting = self._collecting_in_fork(node, key)
        if collecting is not None:
            return collecting
        return self.collecting_failure(
            node,
            "crashed",
            "its import has ended a process before, and there is no worker to try it",
        )

    def reported(self, node: pytest.Collector, failed: bool) -> None:
        """A collector's report is made."""
        self._failing.end(node, failed)
        self._late_fixtures.collecting(None)
        if node in self._collected_natively:
            self._collected_natively.discard(node)
            if self.order.end_native(node) and self.farm is not None:
                self.farm.note_registrar(file_key(node))
        if self.store is not None:
            self.store.imported()

    def _collecting_here(self, node: Any) -> Callable[[], Iterable[Any]]:
        node.__class__ = real_class(node)
        node.__dict__.pop("_fcm_source", None)

        def then(children: list[Any]) -> Iterable[Any]:
            try:
                lazies = lazify(node, children, self.was_materialized)
            except Unrepresentable as why:
                self._count_native(node, why.reason, why.detail)
                return children
            self.counts.files["here"] += 1
            return lazies

        return frameless(node.collect, then)

    # From the farm

    def _ask_for_all(self) -> None:
        """Let a farm that was started late collect all files that the manifest doesn't serve."""
        assert self.farm is not None
        self._asked = True
        if self.store is None:
            self.farm.want(list(self.farm.walk()), {})
        else:
            self.store.ask_for_missing(self.farm)

    def _ask_farm(self, key: Key) -> Answer:
        assert self.farm is not None
        began = time.perf_counter()
        if not self._asked:
            self._ask_for_all()
        answer = self.farm.get(*key)
        self.counts.waited += time.perf_counter() - began
        return answer

    def _collecting_fatal(self, node: Any, key: Key, answer: Answer) -> Callable[[], Iterable[Any]]:
        """What `collect` is of a file that has cost its workers."""
        if self.store is not None:
            self.store.add_deadly(key)
        return self.collecting_failure(node, answer.reason, answer.detail)

    def _collecting_from_farm(self, node: Any, key: Key) -> Callable[[], Iterable[Any]]:
        assert self.farm is not None
        answer = self._ask_farm(key)
        if answer.record is not None:
            record, reason = self.usable(answer.record)
            if record is None and reason != "warning-filters":
                return self.collecting_natively(node, reason, "")
            if self.store is not None:
                self.store.add(key, answer.record)
            if record is None:
                return self.collecting_natively(node, reason, NOTED)
            return partial(self._collect_record, node, record, "farm")
        if answer.failed:
            return self._collecting_fatal(node, key, answer)
        self._insert_root(node)
        if answer.reason == "farm-gone":
            return self._collecting_without_farm(node, key, answer.detail)
        if self.store is not None:
            self.store.add_native(key, answer.reason, 0.0)
        return self.collecting_natively(node, answer.reason, answer.detail)

    def collecting_failure(
        self, node: Any, reason: str, detail: str
    ) -> Callable[[], Iterable[Any]]:
        """What `collect` is of a file that must not be imported here: it raises a collection error."""
        self._insert_root(node)
        self._deadly.add(node)
        self.counts.files["failed"] += 1
        self.counts.reasons[reason] += 1
        return partial(_fail, node, f"{node.path} could not be collected: {detail}")

    def must_not_import(self, node: Any) -> bool:
        """Whether a file fails instead of being imported, whatever a plugin does."""
        return node in self._deadly

    def _collect_record(self, node: Any, record: Record, origin_name: str) -> Iterable[Any]:
        if not isinstance(node, LazyFile):
            # a plugin has taken this function, and put its own in its place
            return type(node).collect(node)  # type: ignore[no-any-return]
        node.__dict__.pop("_fcm_collect", None)
        try:
            return self.attach(node, record, origin_name)
        except Unrepresentable as why:
            return self.collecting_natively(node, why.reason, why.detail)()

    def attach(self, node: Any, record: Record, origin_name: str) -> list[Any]:
        """Give a lazy file its record; returns its lazy children.

        :raises Unrepresentable: where the record can't be used here.
        :raises RecordedSkip: where the file is skipped.
        """
        found = classes_of(record)
        added = filters.from_record(record.filters)
        check_duplicates(node, record)
        raised: dict[int, list[Repeated]] = {}
        for *fields, number in record.warnings:
            warning = self._warning(node, *fields)
            if origin_name != "manifest" or not _compiled_already(warning[0]):
                raised.setdefault(number, []).append(warning)
        self.counts.files[origin_name] += 1
        self.counts.tests[origin_name] += record.items
        self._insert_root(node)
        self._repeat_output(node, record)
        self.repeat_warnings(raised.pop(0, ()), str(node.path))
        held = self.order.add_filters(added)
        if record.skip is not None:
            if record.registrar:
                self.order.note(node, None)
            raise RecordedSkip(record.skip)
        origin = Origin(record, node, found, None, self.was_materialized)
        if origin.effects:
            origin.rerun = Rerun(self.treatments)
        origin.import_before = self.order.importer(origin, record.registrar)
        origin.without_later = partial(self._late_fixtures.hidden, node, self._late_fixtures.now)
        origin.filters = held
        if record.registrar:
            self.order.note(node, origin)
        if raised:
            origin.warnings = raised
            origin.repeat_warnings = partial(self.repeat_warnings, own=str(node.path))
        state = node.__dict__
        state["_fcm_origin"] = origin
        state["_fcm_index"] = 0
        if isinstance(node, compat.PyobjMixin) and node._ALLOW_MARKERS:
            # what the first look at `obj` adds to a real module
            state["_fcm_marks"] = origin.marks(0)[state["_fcm_constructed"] :]
            node.own_markers.extend(state["_fcm_marks"])
            node.keywords.update((mark.name, mark) for mark in node.own_markers)
        return build_children(node, origin, 0)

    def import_all(self, asker: Asker) -> None:
        """Make every file real that came from a record, in order."""
        self.imports.asker = asker
        try:
            self.order.import_recorded()
        finally:
            self.imports.asker = None

    def _insert_root(self, node: Any) -> None:
        """sys.path as the import of the file would leave it: later files may be found through it."""
        located = self._locator.locate(node)
        if located is not None:
            insert_root(sys.path, located[0], self._locator.mode)

    def _repeat_output(self, node: Any, record: Any) -> None:
        out, err = record.captured
        sections = [
            (f"Captured {name}", text.decode("utf-8", "replace"))
            for name, text in (("stdout", out), ("stderr", err))
            if text
        ]
        if sections:
            self.sections[node] = sections

    def _warning(
        self, node: Any, text: str, category: str, filename: str, line: int, origin: str
    ) -> Repeated:
        """The message that was logged in the worker, and the file whose import raised it.

        :raises Unrepresentable: where the category isn't loaded here.
        """
        found = find_class(category)
        if found is None or not issubclass(found, Warning):
            raise Unrepresentable("class-not-loaded", category)
        return warnings.WarningMessage(found(text), found, filename, line), origin

    def repeat_warnings(self, raised: Iterable[Repeated], own: str) -> None:
        """Log what was raised in a worker.

        A module that several files import is imported once here, but once in each worker: what it raises then is
        logged once, whether a worker or this process imported it.

        :param own: the file whose record they are from.
        """
        of_own_import: list[warnings.WarningMessage] = []
        for message, importing in raised:
            if importing in ("", own):
                compat.log_warning(message)
                if importing:
                    of_own_import.append(message)
            else:
                self._log_once(message)
        # Other files may import this one as a module.
        self._keep_from_repeating(of_own_import)

    def _log_once(self, message: warnings.WarningMessage) -> None:
        if _warning_key(message) not in self._warned:
            compat.log_warning(message)
            self._keep_from_repeating([message])

    def _keep_from_repeating(self, messages: list[warnings.WarningMessage]) -> None:
        if messages and not self._warned:
            compat.drop_warnings(lambda again: _warning_key(again) in self._warned)
        self._warned.update(map(_warning_key, messages))

    def was_materialized(self, origin: Origin) -> None:
        """A file has become real; called once for each."""
        self.counts.materialized += 1
        if origin.pending is None:
            self.imports.note(os.fspath(origin.root.path), origin.record.items)
        if origin.error is not None or origin.mismatch is not None:
            self.failures.append(origin)
            if self.store is not None:
                key = (os.fspath(origin.root.path), origin.record.collector)
                self.store.drop(key, why_different(origin))
