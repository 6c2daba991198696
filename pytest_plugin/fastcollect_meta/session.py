"""One pytest session with the plugin: starts the farm, turns files lazy, sums up."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import compat, distribute
from .explain import Asker, explain, summary
from .materialize import MaterializationError, describe_failure, prepare_to_run
from .measuring import measures_imports
from .nodes import is_lazy
from .options import Options, is_named
from .reasons import EXPLANATIONS
from .reordering import reorder
from .replay import ReplayFile
from .selecting import choose
from .served import ServedHooks
from .serving import serving
from .source import RecordedSkip, Source
from .standing_aside import why_aside
from .starting import start_farm
from .treatments import Treatments
from .uncollected import as_natively, uncollected

if TYPE_CHECKING:
    from .farm import Farm
    from .store import Store


class CollectingSession:
    """What the plugin holds for one pytest session.

    :param options: what the user asks for.
    :param store: the manifest, None without one.
    :param farm: the farm that has been started, None without one.
    :param environ: the environment as it was when the session began.
    :param aside: why the plugin stands aside, empty where it doesn't.
    """

    #: Whether the extension modules are there.
    built = True

    def __init__(
        self,
        config: pytest.Config,
        options: Options,
        store: Store | None,
        farm: Farm | None,
        environ: Mapping[bytes, bytes],
        aside: str,
    ) -> None:
        self.config = config
        self.options = options
        self.store = store
        self.farm = farm
        self.environ = environ
        self.aside = aside
        self.began = time.perf_counter()
        self.took = 0.0
        #: What else people should know, at the end.
        self.note = ""
        self.source: Source | None = None
        #: Whether garbage collection is off, and is to be on again; whether all objects have been frozen.
        self._paused = False
        self._frozen = False
        #: Of all generations, when the session's hooks had ended.
        self._full_collections: int | None = None
        # Registered before pytest's own, and so called after them: those collect garbage.
        config.add_cleanup(self.thaw)
        # Where pytest ends before it is configured, nobody is told that it is over.
        config.add_cleanup(self._end_farm)
        #: Where pytest-xdist distributes this run and this is its controller.
        self.controller: distribute.Controller | None = None
        self._served: ServedHooks | None = None

    def loading_conftests(self) -> contextlib.AbstractContextManager[None]:
        """Around the loading of the conftests that pytest starts with."""
        return contextlib.nullcontext() if self.aside else uncollected()

    def configured(self) -> None:
        """Everything of pytest is loaded: see whether something of it keeps the plugin from taking part."""
        if not self.aside:
            # a worker that could not be told when it began
            known = not hasattr(self.config, "workerinput")
            self.aside = why_aside(self.config) if known else "quiet"
        if not self.aside and distribute.distributes(self.config):
            self._distributed()
        if self.aside:
            self.close()

    def _distributed(self) -> None:
        if self.options.workers == 0:
            # each worker collects in its own process, through records of its own
            self.aside = "quiet"
        elif self.store is None:
            self.aside = "pytest-xdist's workers need a manifest, and there can be none"
        else:
            self.controller = distribute.Controller(
                self.config, self.store, self.farm, self.environ, self._start_farm_with
            )

    @contextlib.contextmanager
    def collection(self, session: pytest.Session) -> Iterator[None]:
        """Around pytest's whole collection.

        Files that turn out not to have the tests of their metadata, because a hook has asked for their objects, become
        collection errors.

        :raises pytest.Session.Interrupted: where that hook could not go on, and the run would.
        """
        if self.aside or self.controller is not None:
            yield
            return
        treatments = Treatments.of(self.config)
        self.source = self._make_source(session, treatments)
        manifest = self._manifest_path()
        replays = None if manifest is None else ReplayFile(manifest.with_suffix(".replays"))
        self._served = ServedHooks(self.config, treatments, replays)
        self._served.install()
        self.source.begin()
        restore = compat.install_servers(serving, is_lazy, choose, reorder)
        self._paused = gc.isenabled()
        gc.disable()
        completed = True
        try:
            with self.source.order.watching(), compat.ignored_paths_once(self.config):
                yield
            if measures_imports():
                self.source.import_all(Asker("coverage", "measuring", "what imports execute"))
            # which tests a worker of pytest-xdist gets, and in which order, isn't known
            distributed = hasattr(self.config, "workerinput")
            self.source.order.begin_to_run([] if distributed else session.items)
        except MaterializationError:
            completed = False
        finally:
            restore()
            self._served.restore()
            self._served = None
            self.took = time.perf_counter() - self.began
            if not self._stays_paused():
                self._resume()
            self._end_farm()
            if self.store is not None:
                self.store.stop_recording()
                self.store.save(self.config, beside=bool(self.config.option.collectonly))
            if replays is not None:
                replays.save()
        self._report_failures(session, completed)

    def _stays_paused(self) -> bool:
        """Whether nothing that is there after collection becomes garbage before the session ends."""
        return self.config.option.collectonly and not as_natively() and gc.get_freeze_count() == 0

    def _resume(self) -> None:
        if self._paused:
            gc.enable()
        self._paused = False

    def freeze(self) -> None:
        """The session is over: let pytest's last collections of garbage pass over what is there.

        Not earlier: `gc.get_referrers` doesn't see what is frozen, and hypothesis asks it in the summary.
        """
        if self._paused:
            # pytest itself, from 9.2 on, has just collected all of it
            collected = self._full_collections is not None and (
                _full_collections() > self._full_collections
            )
            gc.collect(1 if collected else 2)
            gc.freeze()
            self._frozen = True
        self._resume()

    def thaw(self) -> None:
        """The process may go on after the session; where it ends with it, the interpreter need not take every node apart."""
        self._resume()
        if self._frozen and not _ends_with_session():
            gc.unfreeze()
        self._frozen = False

    def _report_failures(self, session: pytest.Session, completed: bool) -> None:
        assert self.source is not None
        for origin in self.source.failures:
            report = compat.failed_collection(origin.root, describe_failure(origin))
            self.config.hook.pytest_collectreport(report=report)
            origin.told = True
        if not completed and self.config.option.continue_on_collection_errors:
            raise session.Interrupted("the tests of a file differ from its metadata")

    def _manifest_path(self) -> Path | None:
        """Beside which lies what hooks did that are replayed; None for nowhere."""
        return None if self.store is None else self.store.path

    def _make_source(self, session: pytest.Session, treatments: Treatments) -> Source:
        return Source(
            session,
            self.options.workers,
            self.farm,
            self.store,
            self._start_farm_late,
            treatments,
            self.options.time_limit,
        )

    def plugin_registered(self) -> None:
        """A plugin has come, perhaps a conftest that was met while collecting."""
        if self._served is not None:
            self._served.install()

    def _start_farm_late(self) -> Farm | None:
        return self._start_farm_with(self.environ)

    def _start_farm_with(self, environ: Mapping[bytes, bytes]) -> Farm | None:
        self.farm, why = start_farm(
            self.config,
            self.options,
            environ=environ,
            prefetch=self.store is None,
            record_dependencies=self.store is not None,
        )
        if self.farm is None:
            self.note = why
        return self.farm

    def found_file(self, path: Path, collectors: list[Any]) -> None:
        """A file's collectors, as the hooks have just made them."""
        if self.source is None:
            return
        files = [node for node in collectors if isinstance(node, pytest.File)]
        native = self._is_native(path)
        for node in files:
            twins = sum(type(other) is type(node) for other in files) > 1
            if native or twins:
                self.source.went_native(
                    node, "declared-native" if native else "several-collectors", ""
                )
            else:
                self.source.adopt(node)

    def _is_native(self, path: Path) -> bool:
        return is_named(path, self.config, self.options.native)

    def about_to_collect(self, collector: pytest.Collector) -> None:
        """pytest is about to collect a collector."""
        if self.source is not None:
            self.source.about_to_collect(collector)

    def reported(self, collector: pytest.Collector, report: Any) -> Any:
        """The report of a collector, with what its record says beyond its children."""
        if self.source is None:
            return report
        report.sections.extend(self.source.sections.pop(collector, ()))
        self.source.reported(collector, report.failed)
        if self.store is not None and report.passed and compat.is_walked(collector):
            self.store.add_walked(str(collector.path), compat.is_asked(collector))
        call = getattr(report, "call", None)
        if call is not None and call.excinfo is not None:
            skip = call.excinfo.value
            if isinstance(skip, RecordedSkip):
                report.longrepr = skip.longrepr
        return report

    def about_to_run_tests(self, session: pytest.Session) -> None:
        """Import the modules of the tests that are about to run, where that isn't left until each of them runs.

        What a test leaves changed must not be seen by the import of another's module: pytest alone has imported all
        of them by now.
        """
        option = self.config.option
        failed = session.testsfailed and not option.continue_on_collection_errors
        if self.source is None or option.collectonly or failed:
            return
        if not self.options.imports_late(hasattr(self.config, "workerinput")):
            self.source.order.import_running(session.items)

    def about_to_run(self, item: pytest.Item) -> None:
        """Materialize the item's file; where that fails, the item fails with the reason."""
        if self.source is None:
            return
        error = prepare_to_run(item)
        if error is not None:

            def setup() -> None:
                __tracebackhide__ = True
                pytest.fail(error, pytrace=False)

            state: dict[str, Any] = item.__dict__
            state.update(setup=setup, teardown=lambda: None)
            if is_lazy(item):
                state["_request"] = True
                state["_fcm_failing"] = True

    @contextlib.contextmanager
    def finishing(self) -> Iterator[None]:
        """Around the hooks for the session's end: those of adapters are answered."""
        if self.source is None:
            yield
            return
        served = ServedHooks(self.config, Treatments.of(self.config), None)
        served.install()
        try:
            yield
        finally:
            served.restore()
            self._full_collections = _full_collections()

    def finish(self, session: pytest.Session) -> None:
        """The session ends: tests that differed from their metadata make it one that was interrupted."""
        failures = self.controller.failures if self.controller is not None else False
        if failures or (self.source is not None and self.source.failures):
            session.exitstatus = pytest.ExitCode.INTERRUPTED

    def close(self) -> None:
        """End the farm, and write what is still to be written."""
        self._end_farm()
        store, self.store = self.store, None
        if store is not None:
            store.finish()
            if self.controller is not None or (self.source is not None and self.source.failures):
                store.save(self.config, beside=False)
            store.close()

    def _end_farm(self) -> None:
        farm, self.farm = self.farm, None
        if farm is not None and farm.gone:
            self.note = _farm_aside(farm.gone)
        if farm is not None:
            farm.close()

    def summarize(self, reporter: Any) -> None:
        """One line of where the tests came from, and the reasons where they are asked for."""
        if self.aside:
            if self.aside != "quiet":
                reporter.write_line(f"fastcollect-meta: stood aside: {self.aside}", yellow=True)
            return
        if self.controller is not None:
            self._summarize_workers(reporter, self.controller)
            return
        if self.source is None:
            return
        counts = self.source.counts
        total = sum(counts.files.values())
        parts = [f"{number} {name}" for name, number in sorted(counts.files.items())]
        reporter.write_line(
            f"fastcollect-meta: {total} files ({', '.join(parts) or 'none'}), "
            f"{counts.materialized} imported here since; collected after {self.took:.2f} s"
        )
        if self.store is not None:
            self.store.finish()
        recorded = counts.files["farm"] + counts.files["manifest"]
        if self.options.workers > 0:
            recorded += counts.files["here"]
        explained = list(explain(self.source.imports)) if self.options.explain_imports else []
        self._summarize_imports(reporter, summary(self.source.imports, recorded), explained)
        self._summarize_reasons(reporter, counts.reasons, counts.details)

    def _summarize_workers(self, reporter: Any, controller: distribute.Controller) -> None:
        reporter.write_line(f"fastcollect-meta: {controller.summary()}")
        if controller.gone:
            self.note = _farm_aside(controller.gone)
        for why, names in controller.aside.items():
            if why != "quiet":
                reporter.write_line(
                    f"fastcollect-meta: {', '.join(names)} stood aside: {why}", yellow=True
                )
        self._summarize_imports(reporter, controller.made_import, controller.explained)
        self._summarize_reasons(reporter, controller.reasons, controller.details)

    def _summarize_imports(self, reporter: Any, made_import: str, explained: list[str]) -> None:
        for note in (self.note, self.store.trouble if self.store is not None else "", made_import):
            if note:
                reporter.write_line(f"fastcollect-meta: {note}", yellow=True)
        if self.options.explain_imports:
            reporter.section("imports before tests", sep="-")
            for text in explained:
                reporter.write_line(text)

    def _summarize_reasons(
        self, reporter: Any, reasons: Counter[str], details: dict[str, list[tuple[str, str]]]
    ) -> None:
        if not (self.options.report or reporter.verbosity > 0):
            return
        if self.store is not None and self.store.refused:
            path, _, why = self.store.refused[0]
            number = len(self.store.refused)
            reporter.write_line(f"  {number} not kept in the manifest, such as {path}: {why}")
        stale = self.source.counts.stale if self.source is not None else Counter()
        for why, number in stale.most_common(1000 if self.options.report else 5):
            reporter.write_line(f"  {number} x stale in the manifest: {why}")
        for reason, number in reasons.most_common():
            reporter.write_line(f"  {number} x {reason}: {EXPLANATIONS.get(reason, reason)}")
            for path, detail in details.get(reason, ())[: 1000 if self.options.report else 3]:
                line = detail.strip().splitlines()[-1:] or [""]
                reporter.write_line(f"      {path} {line[0][:160]}")


def _farm_aside(why: str) -> str:
    return f"the farm stood aside: {why}"


def _full_collections() -> int:
    """How many times all generations have been collected."""
    return int(gc.get_stats()[2]["collections"])


def _ends_with_session() -> bool:
    """Whether this process is `pytest` or `python -m pytest`, and not a program that calls pytest.main()."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name).partition(".")[0] == "pytest"
    return os.path.basename(getattr(main, "__file__", None) or "") in ("pytest", "py.test")
