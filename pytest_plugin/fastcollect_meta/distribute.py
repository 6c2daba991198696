"""pytest-xdist as the engine: its controller prepares records once, before its workers start.

The workers (`prepared.py`) build lazy items from them. Nothing of pytest-xdist is imported here.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

from . import _recorder, compat
from .options_key import options_digests
from .prepared import INPUT, OUTPUT, Prepared
from .source import FARM_WORTH

if TYPE_CHECKING:
    from .farm import Farm
    from .store import Store


def may_distribute(namespace: Any) -> bool:
    """Whether the command line looks as if pytest-xdist distributed this run: before plugins have had their say."""
    if getattr(namespace, "collectonly", False):
        return False
    wanted = ("numprocesses", "tx", "distload")
    return any(getattr(namespace, name, None) for name in wanted)


def environment_of_workers() -> dict[bytes, bytes]:
    """What the processes are started with that this one starts now.

    Conftests and plugins may have set variables, as pytest-django does, and readline, which pytest loads, says how large
    the terminal is. Records hold for a worker only if they were made with its variables.
    """
    compat.load_readline()
    entries = (entry.partition(b"=") for entry in _recorder.inherited())
    return {name: value for name, _, value in entries}


def changed_variables(before: Mapping[bytes, bytes], now: Mapping[bytes, bytes]) -> list[bytes]:
    """Names of variables that are others now, but for those that every process has its own of."""
    names = {*before, *now}
    return sorted(
        name
        for name in names
        if before.get(name) != now.get(name) and not _recorder.is_left_out(name)
    )


def distributes(config: pytest.Config) -> bool:
    """Whether pytest-xdist distributes this run, and this process is its controller. Holds from pytest_configure on."""
    option = config.option
    return (
        getattr(option, "dist", "no") != "no"
        and bool(getattr(option, "tx", None))
        and not option.collectonly
    )


def is_worker() -> bool:
    """Whether pytest-xdist's remote module is what has just begun to prepare this pytest.

    The variables that it sets are inherited by processes that tests start, and its frame is there below the tests
    that a worker runs; but only its own pytest is what it has called itself.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if name.partition(".")[0] not in ("_pytest", "pluggy", "fastcollect_meta"):
            return name == "__channelexec__" and "workerinput" in frame.f_globals
        frame = frame.f_back
    return False


def _sees_our_files(spec: Any) -> bool:
    """Whether a worker with that specification runs on this machine."""
    return bool(spec.popen) and not spec.via


class Controller:
    """The controller's part: `prepare`, then `configure_node` for each worker and `node_down` when it has ended.

    :param store: the manifest that the records go into.
    :param farm: the farm that has been started already, if any.
    :param environ: the environment that the store and the farm know of.
    :param start_farm: starts one with another environment; gives None where that can't be.
    """

    def __init__(
        self,
        config: pytest.Config,
        store: Store,
        farm: Farm | None,
        environ: Mapping[bytes, bytes],
        start_farm: Callable[[Mapping[bytes, bytes]], Farm | None],
    ) -> None:
        self.config = config
        self.store = store
        self._farm = farm
        self._environ = environ
        self._start_farm = start_farm
        self._natives: list[tuple[str, str, str, str]] = []
        self._failed: list[tuple[str, str, str, str]] = []
        self._digests: dict[str, bytes] = {}
        self._content: bytes | None = None
        #: Why the farm ended before its time; empty where it did not.
        self.gone = ""
        #: Files by where their records came from.
        self.files: Counter[str] = Counter()
        self.took = 0.0
        #: What the workers have reported.
        self.workers = 0
        self.worker_files: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.details: dict[str, list[tuple[str, str]]] = {}
        self.materialized = 0
        self.aside: dict[str, list[str]] = {}
        self.failures = False
        #: What one of them says of modules that were imported before tests ran.
        self.made_import = ""
        self.explained: list[str] = []

    def prepare(self, specs: list[Any]) -> None:
        """Have a record of each file in the manifest, as far as there can be one. Once, before workers are started.

        :param specs: what execnet is told of each worker.
        """
        began = time.perf_counter()
        store = self.store
        self._take_environment()
        store.open(self.config)
        self._digests = options_digests(self.config)
        if self._farm is None and (
            len(store) == 0
            or store.missing_seconds(self._wanted) * len(specs) > FARM_WORTH
            or store.has_deadly(self._wanted)
        ):
            self._farm = self._start_farm(self._environ)
            if self._farm is not None:
                store.ask_for_missing(self._farm)
        if self._farm is None:
            self.files["manifest"] = store.valid_records(self._wanted)
        else:
            self._ask(self._farm)
            self.gone = self._farm.gone or ""
            self._farm.close()
        store.stop_recording()
        store.save(self.config, beside=False)
        for path, collector, why in store.refused:
            self._natives.append((path, collector, "not-kept", why))
        if not all(_sees_our_files(spec) for spec in specs):
            # now: xdist's rsync, where it leads back here, removes folders that begin with a dot
            with contextlib.suppress(OSError):
                self._content = store.path.read_bytes()
        self.took = time.perf_counter() - began

    def _take_environment(self) -> None:
        """Let records be made, and looked for, with what the workers start with.

        Where that differs from what pytest was started with, the manifest keeps them apart from those of runs that aren't
        distributed: else either kind of run would make the records of the other stale.
        """
        now = environment_of_workers()
        changed = changed_variables(self._environ, now)
        self._environ = now
        self.store.take_environment(now, changed)
        if changed and self._farm is not None:
            self._farm.close()
            self._farm = None

    def _wanted(self, path: str) -> bool:
        """Whether a file belongs to the arguments; yes where they are no paths."""
        return self._roots is None or any(Path(path).is_relative_to(root) for root in self._roots)

    @cached_property
    def _roots(self) -> list[Path] | None:
        """The arguments, None where one of them is no path."""
        folder = self.config.invocation_params.dir
        paths = [os.path.abspath(folder / arg.partition("::")[0]) for arg in self.config.args]
        return list(map(Path, paths)) if all(map(os.path.exists, paths)) else None

    def _ask(self, farm: Farm) -> None:
        for key in farm.walk():
            if self.store.is_served(key):
                self.files["manifest"] += 1
                continue
            answer = farm.get(*key)
            if answer.record is not None:
                self.files["farm"] += 1
                self.store.add(key, answer.record)
                continue
            without = (*key, answer.reason, answer.detail[-2000:])
            if answer.failed:
                self.files["failed"] += 1
                self._failed.append(without)
                self.store.add_deadly(key)
            else:
                self.files["natively"] += 1
                self._natives.append(without)
                self.store.add_native(key, answer.reason, 0.0)

    def configure_node(self, node: Any) -> None:
        """A worker is about to be set up: give it what was prepared. Restarted ones come here too."""
        prepared = Prepared(
            python_version=compat.python_version(),
            pytest_version=compat.pytest_version(),
            rootdir=str(self.config.rootpath),
            options_key=self.store.key,
            options_digests=self._digests,
            manifest=str(self.store.path),
            content=None if _sees_our_files(node.gateway.spec) else self._content,
            natives=self._natives,
            failed=self._failed,
        )
        node.workerinput[INPUT] = prepared.message()

    def node_down(self, node: Any) -> None:
        """A worker has ended, in whatever way; one that crashed has nothing to say."""
        report = getattr(node, "workeroutput", {}).get(OUTPUT)
        if report is None:
            return
        self.workers += 1
        if "aside" in report:
            self.aside.setdefault(report["aside"], []).append(str(node.gateway.id))
            return
        self.worker_files.update(report["files"])
        self.reasons.update(report["reasons"])
        for reason, examples in report["details"].items():
            self.details.setdefault(reason, []).extend(map(tuple, examples))
        self.materialized += report["materialized"]
        self.made_import = self.made_import or report["made_import"]
        self.explained = self.explained or report["explained"]
        for path, collector, reason in report.get("dropped", ()):
            self.failures = True
            self.store.drop((path, collector), reason)
        for path, collector, seconds in report.get("unknown", ()):
            self.store.add_unknown((path, collector), seconds)

    def summary(self) -> str:
        """One line of where the tests came from."""

        def parts(counter: Counter[str]) -> str:
            counted = [f"{number} {name}" for name, number in sorted(counter.items())]
            return ", ".join(counted) or "none"

        return (
            f"{sum(self.files.values())} files ({parts(self.files)}) prepared in {self.took:.2f} s; "
            f"{self.workers} workers: {parts(self.worker_files)}, {self.materialized} imported there since"
        )
