"""The session of a worker of pytest-xdist: it uses what the controller has prepared, and reports to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .explain import explain, summary
from .prepared import INPUT, OUTPUT, Prepared, PreparedSource
from .session import CollectingSession
from .source import Source
from .standing_aside import why_aside
from .treatments import Treatments


class WorkerSession(CollectingSession):
    """Starts no farm and writes no manifest; only what hooks did that are replayed, which the next run's workers do again."""

    _prepared: PreparedSource | None = None
    _manifest: Path | None = None

    def configured(self) -> None:
        """Everything is loaded, and the controller's message is there."""
        if not self.aside:
            self.aside = why_aside(self.config)

    @contextlib.contextmanager
    def collection(self, session: pytest.Session) -> Iterator[None]:
        """Around pytest's whole collection."""
        if not self.aside and self.options.workers > 0:
            self._use_prepared(session)
        with super().collection(session):
            yield

    def _use_prepared(self, session: pytest.Session) -> None:
        message = self.config.workerinput.get(INPUT)  # type: ignore[attr-defined]
        if message is None:
            self.aside = "quiet"
            return
        try:
            prepared = Prepared.from_message(message)
            self.aside = prepared.differs(self.config)
            if not self.aside:
                self._prepared = PreparedSource(session, prepared)
                if prepared.content is None:
                    self._manifest = Path(prepared.manifest)
        except (OSError, TypeError, ValueError) as error:
            self.aside = str(error)

    def _manifest_path(self) -> Path | None:
        return self._manifest

    def _make_source(self, session: pytest.Session, treatments: Treatments) -> Source:
        if self._prepared is None:
            return super()._make_source(session, treatments)
        self._prepared.treatments = treatments
        return self._prepared

    def finish(self, session: pytest.Session) -> None:
        """Report to the controller, which decides what tests that differed from their metadata come to."""
        self.config.workeroutput[OUTPUT] = self._report()  # type: ignore[attr-defined]

    def _report(self) -> dict[str, Any]:
        source = self.source
        if source is None:
            return {"aside": self.aside}
        counts = source.counts
        report: dict[str, Any] = {
            "files": dict(counts.files),
            "reasons": dict(counts.reasons),
            "details": {
                reason: [(path, detail[-300:]) for path, detail in examples]
                for reason, examples in counts.details.items()
            },
            "materialized": counts.materialized,
            "made_import": summary(source.imports, counts.files["prepared"]),
            "explained": list(explain(source.imports)) if self.options.explain_imports else [],
        }
        if self._prepared is not None:
            report["dropped"] = [list(key) for key in self._prepared.dropped]
            report["unknown"] = [[*key, took] for key, took in self._prepared.unknown.items()]
        return report

    def close(self) -> None:
        """Let go of what was prepared."""
        if self._prepared is not None:
            self._prepared.close()

    def summarize(self, reporter: Any) -> None:
        """Nobody sees a worker's summary."""
