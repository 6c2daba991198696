"""A worker: collects files as pytest does and makes records of them."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest

from fastcollect_meta import _native, _worker, compat
from fastcollect_meta._wire import Channel, pack
from fastcollect_meta.changing_ids import check_ids
from fastcollect_meta.earlier_items import EarlierItems
from fastcollect_meta.effects import FileEffects, FileHooks
from fastcollect_meta.filters import FilterPlan, OwnFilters, fields
from fastcollect_meta.module_names import ModuleNames
from fastcollect_meta.notes import DependencyNotes
from fastcollect_meta.raised import RaisedWarning, importing_file, raw
from fastcollect_meta.reasons import Unrepresentable
from fastcollect_meta.registries import Registries, context_of
from fastcollect_meta.syspath import SysPathPlan, begins_with
from fastcollect_meta.written import empty, flush

# Whatever a module puts in their place.
_getpid, _exit = os.getpid, os._exit

#: Exit statuses of a worker that mean something to the coordinator.
LOST_CHANNEL = 97  # the file closed or replaced our descriptor: it has to be collected natively
BROKEN = 98  # an error in here

#: More output than this (bytes) isn't put into a record.
_OUTPUT_MAX = 16 << 20
#: A worker that has grown by this much (bytes) since the last time collects garbage after a file.
_GROWTH_MAX = 256 << 20


@dataclass(slots=True)
class FoundFiles:
    """The files of the walk, each (path, collector class) once, in order; ids count from 1."""

    locator: compat.ModuleLocator
    plan: SysPathPlan
    own_filters: OwnFilters
    filters: FilterPlan
    names: ModuleNames
    nodes: list[pytest.File] = field(default_factory=list)
    _known: set[tuple[str, type]] = field(default_factory=set)

    @classmethod
    def for_config(cls, config: pytest.Config) -> FoundFiles:
        """None yet; made when the walk begins."""
        locator = compat.ModuleLocator(config)
        own = OwnFilters(config.rootpath)
        return cls(locator, SysPathPlan(locator.mode), own, FilterPlan(own), ModuleNames(locator))

    def note(self, node: pytest.File) -> None:
        """A file of the walk."""
        path = str(node.path)
        key = (path, type(node))
        if key in self._known:
            return
        self._known.add(key)
        self.nodes.append(node)
        self.filters.note(path)
        located = self.locator.locate(node)
        self.plan.note(None if located is None else located[0])
        self.names.note(node)


@dataclass(frozen=True, slots=True)
class CollectOptions:
    """What a worker is told besides the session."""

    logs: compat.LogCounter
    hooks: FileHooks
    registries: Registries
    record_dependencies: bool = False


def collector_name(node: pytest.Collector) -> str:
    """ "module:qualname" of a collector's class."""
    return f"{type(node).__module__}:{type(node).__qualname__}"


class Collecting:
    """Collects single files of a prepared session. One per worker."""

    def __init__(
        self,
        config: pytest.Config,
        found: FoundFiles,
        options: CollectOptions,
        out: int,
        err: int,
    ) -> None:
        """`out` and `err` are the files that stdout and stderr go to."""
        self._config = config
        self._found = found
        self._logs = options.logs
        self._hooks = options.hooks
        self._registries = options.registries
        # Libraries may change theirs when a process forks, as filelock does: no file has done that.
        self._registries.changes()
        #: Registrars that have been imported here, and those that are known, by index.
        self._imported: set[int] = set()
        self._registrars: set[int] = set()
        #: What the former depend on, by kind.
        self._imported_dependencies: dict[str, dict[bytes, None]] = {
            kind: {} for kind in ("files", "directories", "absent")
        }
        self._begun: set[int] = set()
        self._context = b""
        self._notes = DependencyNotes(config) if options.record_dependencies else None
        self._files = {"stdout": out, "stderr": err}
        self._fd_capture = compat.capture_method(config) == "fd"
        self._directory = os.getcwd()
        self._warnings: list[RaisedWarning] = []
        #: Numbers in the record, in pre-order: of the collector that is being collected, of the last node that was seen.
        self._node = self._seen = 0
        #: Entries that imports have put at the end of sys.path, as setuptools does.
        self._appended: list[str] = []
        self._sys_path = sys.path

    def record_warning(self, message: Any) -> None:
        """A warnings.WarningMessage that is raised now."""
        self._warnings.append(RaisedWarning(message, importing_file(sys._getframe(1)), self._node))

    def watching(self) -> contextlib.AbstractContextManager[None]:
        """Around all collecting."""
        return self._registries.watching()

    def learn_registrars(self, indices: Iterable[int]) -> None:
        """These files change what later ones see."""
        self._registrars.update(indices)

    def import_registrars(self, index: int) -> None:
        """Import the known registrars before a file in the walk, where that hasn't been done yet."""
        missing = sorted(
            registrar
            for registrar in self._registrars
            if registrar < index and registrar not in self._begun
        )
        for registrar in missing:
            extras: dict[str, Any] = {}
            self._begin(registrar)
            with contextlib.suppress(Unrepresentable):
                with self._dependencies(self._found.nodes[registrar], extras):
                    self._report(self._found.nodes[registrar])
            self.note_changes(registrar, extras)

    def note_changes(self, index: int, extras: dict[str, Any]) -> bool:
        """Whether the import of a file, which is over, has made it a registrar, here or where it was imported before."""
        if not self._registries.changes() and index not in self._registrars:
            return False
        self._imported.add(index)
        found = extras.get("dependencies", {})
        for kind, known in self._imported_dependencies.items():
            known.update(dict.fromkeys(found.get(kind, ())))
        self._set_context()
        return True

    def _set_context(self) -> None:
        root = self._config.rootpath
        self._context = context_of(
            os.path.relpath(self._found.nodes[registrar].path, root)
            for registrar in sorted(self._imported)
        )

    def _begin(self, index: int) -> None:
        self._begun.add(index)
        self._set_sys_path(self._found.plan.before(index))
        self._found.filters.begin(index)
        self._warnings.clear()
        self._node = self._seen = 0
        self._logs.count = 0
        empty(self._files.values())

    def collect(self, index: int, extras: dict[str, Any]) -> bytes:
        """Record of the file `index` (from 0); what it depends on is put into `extras`. Raises Unrepresentable."""
        node = self._found.nodes[index]
        name = self._found.names.clash(node)
        if name is not None:
            raise Unrepresentable("duplicate-module-name", name)
        self._begin(index)
        context = self._context
        start = time.perf_counter()
        children: dict[pytest.Collector, list[Any]] = {}
        effects: FileEffects | None = None
        with self._dependencies(node, extras):
            with EarlierItems(node.session) as earlier:
                report = self._report(node)
                if report.passed:
                    self._descend(node, report.result, children)
            earlier.check()
            if report.passed:
                effects = self._hooks.run(node, children)
                extras["effects"] = effects.hooks
            elif report.skipped and isinstance(report.longrepr, tuple):
                path, line, message = report.longrepr
                extras["skip"] = (str(path), int(line), str(message))
            else:
                raise Unrepresentable("collection-error", compat.report_failure(report))
        extras["duration"] = time.perf_counter() - start

        self._check_output(report, extras)
        if self._logs.count:
            raise Unrepresentable("logs-while-importing", f"{self._logs.count} log records")
        self._check_process(index)
        added = self._found.filters.added()
        check_ids(node.path, children)
        context = self._found.filters.context(index, context)
        extras["warnings"] = [warning.fields() for warning in self._warnings]
        extras["order"] = compat.grouped_rows(node, children)
        self._depend_on_registrars(extras)
        compat.check_shared_classes(children)
        record: bytes = _native.encode(node, children, extras)
        if effects is not None:
            record += effects.packed_made(node)
        if context:
            record += pack("Record", {"contexts": [context]})
        if added:
            record += pack("Record", {"filters": fields(added)})
        if self._notes is not None:
            self._notes.shared_was_sent = True
        return record

    def _depend_on_registrars(self, extras: dict[str, Any]) -> None:
        own = extras.get("dependencies")
        if not own:
            return
        for kind, registrars in self._imported_dependencies.items():
            known = set(own[kind])
            own[kind] += [path for path in registrars if path not in known]

    @contextlib.contextmanager
    def _dependencies(self, node: pytest.File, extras: dict[str, Any]) -> Iterator[None]:
        if self._notes is None:
            yield
            return
        with self._notes.of(node.path, extras, self._hooks.conftests()):
            yield

    def _report(self, collector: pytest.Collector) -> pytest.CollectReport:
        try:
            report = compat.make_collect_report(collector)
        except Exception as error:
            raise Unrepresentable("collection-error", f"{type(error).__name__}: {error}") from error
        except BaseException as error:
            raise Unrepresentable(
                "exits-while-importing", f"{type(error).__name__}: {error}"
            ) from error
        added = compat.report_additions(report)
        if added:
            raise Unrepresentable("report-changed-by-plugin", ", ".join(added))
        return report

    def _descend(
        self,
        collector: pytest.Collector,
        result: list[Any],
        children: dict[pytest.Collector, list[Any]],
    ) -> None:
        """Collect what a collector has collected, in the order of Session.genitems."""
        children[collector] = result
        for child in result:
            self._seen += 1
            if not isinstance(child, pytest.Collector):
                continue
            self._node = self._seen
            report = self._report(child)
            if not report.passed:
                raise Unrepresentable("collection-error", compat.report_failure(report))
            self._descend(child, report.result, children)

    def _set_sys_path(self, path: list[str]) -> None:
        known = set(path)
        path += [entry for entry in self._appended if entry not in known]
        sys.path = self._sys_path
        sys.path[:] = path

    def _check_process(self, index: int) -> None:
        """What the file has changed for those that are imported after it.

        In the main process it would stay changed, and the other workers know nothing of it.
        """
        expected = self._found.plan.after(index)
        known = set(expected)
        expected += [entry for entry in self._appended if entry not in known]
        seen = list(dict.fromkeys(sys.path))
        if begins_with(seen, expected):
            # Importing setuptools, for one, does this.
            self._appended += seen[len(dict.fromkeys(expected)) :]
        elif not self._found.plan.heals(index, seen):
            raise Unrepresentable("changes-sys-path", "")
        try:
            directory = os.getcwd()
        except OSError:
            directory = ""
        if directory != self._directory:
            os.chdir(self._directory)
            raise Unrepresentable("changes-directory", directory)

    def _check_output(self, report: pytest.CollectReport, extras: dict[str, Any]) -> None:
        flush()
        for name, fd in self._files.items():
            if os.fstat(fd).st_size:
                raise Unrepresentable("prints-while-importing", name)
        for section, text in report.sections:
            if not self._fd_capture:
                raise Unrepresentable("prints-while-importing", section)
            output = raw(text)
            if len(output) > _OUTPUT_MAX:
                raise Unrepresentable("prints-while-importing", f"{len(output)} bytes")
            extras[compat.CAPTURED[section]] = output


def age_objects() -> None:
    """Put all objects into the oldest generation, without visiting them. Not frozen: `gc.get_referrers` is to see them."""
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.unfreeze()


def _resident() -> int:
    """Bytes of memory that this process has resident."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class Worker:
    """Answers Assign frames with records. Has the process to itself: never returns."""

    def __init__(
        self, channel: Channel, collecting: Collecting, config: pytest.Config, out: int
    ) -> None:
        self._channel = channel
        self._pid = _getpid()
        #: The file of stdout, until the coordinator has it too: for the last words before a crash.
        self._unseen_out = out
        self._collecting = collecting
        self._config = config
        self._resident = _resident()

    def run(self) -> NoReturn:
        """Until the coordinator says Goodbye or goes."""
        status = BROKEN
        try:
            # Objects that stay die with the process; what files leave behind is looked at in _tidy().
            gc.disable()
            with (
                compat.recorded_warnings(self._config, self._collecting.record_warning),
                self._collecting.watching(),
            ):
                while self._step():
                    pass
            status = 0
        except (EOFError, BrokenPipeError, ConnectionResetError):
            status = 0
        except OSError:
            status = LOST_CHANNEL
        except BaseException:
            with contextlib.suppress(BaseException):
                traceback.print_exc(file=sys.__stderr__)
                sys.__stderr__.flush()  # type: ignore[union-attr]
        finally:
            _exit(status)

    def _step(self) -> bool:
        message = self._channel.receive(None)
        if message is None:
            return True
        kind, id, content = message
        if kind == "Goodbye":
            return False
        if kind != "Assign":
            raise RuntimeError(f"a worker got {kind}")
        self._channel.send("Begun", {"id": id}, id, self._unseen_out)
        self._unseen_out = -1
        self._collecting.learn_registrars(number - 1 for number in content["registrars"])
        self._answer(id)
        self._tidy()
        return True

    def _answer(self, id: int) -> None:
        extras: dict[str, Any] = {}
        try:
            self._collecting.import_registrars(id - 1)
            record = self._collecting.collect(id - 1, extras)
        except Unrepresentable as error:
            self._note_registrar(id, extras)
            self._native(id, str(error.reason), str(error.detail))
        except BaseException:
            self._native(id, "internal-error", traceback.format_exc()[-2000:])
        else:
            if self._note_registrar(id, extras):
                record += pack("Record", {"registrar": True})
            self._channel.send_record(id, record)

    def _note_registrar(self, id: int, extras: dict[str, Any]) -> bool:
        self._check_channel()
        if not self._collecting.note_changes(id - 1, extras):
            return False
        self._channel.send("Registrar", {"id": id}, id)
        return True

    def _native(self, id: int, reason: str, detail: str) -> None:
        self._check_channel()
        detail = detail.encode("utf-8", "backslashreplace").decode()
        self._channel.send("Native", {"id": id, "reason": reason, "detail": detail}, id)

    def _check_channel(self) -> None:
        """A module may have closed every descriptor, or put another file into the place of ours."""
        if _getpid() != self._pid:
            # The file has forked, and this is the child, which isn't the one that was asked.
            _exit(0)
        try:
            self._channel.fileno()
        except OSError:
            _exit(LOST_CHANNEL)

    def _tidy(self) -> None:
        resident = _resident()
        if resident - self._resident > _GROWTH_MAX:
            gc.collect(1)
            age_objects()
            self._resident = max(resident, _resident())


def start_worker(
    channel: Channel,
    config: pytest.Config,
    found: FoundFiles,
    options: CollectOptions,
    stderr: int,
) -> NoReturn:
    """Make this process a worker: stdio of its own (`stderr`: a file, or -1), then answer the channel."""
    compat.stop_capture(config)
    out, err = _worker.redirect_stdio(stderr)
    # A crash, and a coordinator that has waited long enough, leave the Python stack there.
    faulthandler.enable(file=err)
    faulthandler.register(signal.SIGTERM, file=err, chain=True)
    compat.start_capture(config, out, err)
    Worker(channel, Collecting(config, found, options, out, err), config, out).run()
