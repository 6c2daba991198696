"""What the controller of pytest-xdist has prepared, as one of its workers uses it: read, never written."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from . import _manifest, compat, dependencies
from .journal import Journal
from .materialize import why_different
from .options_key import options_digests
from .origin import Origin
from .source import Source, file_key
from .treatments import Treatments

Key = tuple[str, str]

#: Where the message lies in `config.workerinput`, and the answer in `config.workeroutput`.
INPUT = "fastcollect_meta"
OUTPUT = "fastcollect_meta"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The controller's message to a worker. Holds nothing but what execnet carries."""

    #: What the controller runs on: text that is shown where the worker runs on something else.
    python_version: str
    pytest_version: str
    rootdir: str
    options_key: bytes
    #: What the options key is made of, as `options_digests` gives it.
    options_digests: dict[str, bytes]
    #: Path of the manifest; its bytes for a worker that may not see the controller's files.
    manifest: str
    content: bytes | None = None
    #: Files without a record: path, collector, reason, detail.
    natives: list[tuple[str, str, str, str]] = field(default_factory=list)
    #: Files whose import cost the farm its workers: path, collector, reason, detail.
    failed: list[tuple[str, str, str, str]] = field(default_factory=list)

    def message(self) -> dict[str, Any]:
        """As it travels."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Prepared:
        """What has arrived.

        :raises TypeError: where another version of us has sent it.
        """
        return cls(**message)

    def differs(self, config: pytest.Config) -> str:
        """Why its records can't be used by this worker; empty where they can."""
        for name, theirs, ours in (
            ("Python", self.python_version, compat.python_version()),
            ("pytest", self.pytest_version, compat.pytest_version()),
            ("root directory", self.rootdir, str(config.rootpath)),
        ):
            if theirs != ours:
                return f"its {name} is {ours}, the controller's {theirs}"
        digests = options_digests(config)
        others = [name for name, value in self.options_digests.items() if digests[name] != value]
        return f"its {', '.join(others)} are not the controller's" if others else ""


class PreparedSource(Source):
    """Gives lazy files of a worker their collection: from what the controller has prepared, or natively.

    :raises OSError: where the manifest can't be read.
    :raises ValueError: where it can't be used here.
    """

    def __init__(self, session: pytest.Session, prepared: Prepared) -> None:
        super().__init__(session, 1, None, None, lambda: None, Treatments(session.config, {}), 0.0)
        self._natives = {(path, name): why for path, name, *why in prepared.natives}
        self._failed = {(path, name): why for path, name, *why in prepared.failed}
        self._manifest = _open(prepared)
        #: For the next run's controller, where it can read it.
        self._journal = (
            Journal(Path(prepared.manifest).parent) if prepared.content is None else None
        )
        #: Files that the controller has no record of that holds here, and seconds that collecting them has taken.
        self.unknown: dict[Key, float] = {}
        self._began = 0.0
        #: Files whose records turned out to be wrong, and the reason to collect them natively.
        self.dropped: list[tuple[str, str, str]] = []

    def begin(self) -> None:
        """Collection begins."""
        self._manifest.check_all()

    def collecting(self, node: Any) -> Callable[[], Iterable[Any]]:
        """What `collect` of a lazy file is. Calling it raises what the real one raises."""
        why = self.why_not_from_record(node)
        if why:
            return self.collecting_natively(node, why, "")
        key = file_key(node)
        if key in self._failed:
            reason, detail = self._failed[key]
            return self.collecting_failure(node, reason, detail)
        status, packed = self._look_up(key)
        if packed is not None:
            record, reason = self.usable(packed)
            if record is None:
                self._note_unknown(key)
                return self.collecting_natively(node, reason, "")
            return partial(self._collect_record, node, record, "prepared")
        reason, detail = self._why_native(key, status)
        if status != "native" and self._journal is not None:
            self._journal.begin(key[0])
        self._insert_root(node)
        return self.collecting_natively(node, reason, detail)

    def _look_up(self, key: Key) -> tuple[str, bytes | None]:
        try:
            return self._manifest.get(*key)
        except ValueError:
            return "damaged", None

    def _why_native(self, key: Key, status: str) -> tuple[str, str]:
        if status == "native":
            return self._manifest.native_reason(*key) or "unstable", "noted in the manifest"
        if key in self._natives:
            reason, detail = self._natives[key]
            return reason, detail
        if status == "damaged":
            return "malformed-record", ""
        if status == "stale":
            return "differs-in-worker", self._manifest.stale_reason(*key) or ""
        self._note_unknown(key)
        return "not-prepared", ""

    def _note_unknown(self, key: Key) -> None:
        """The next run is to prepare a file, which is collected here now."""
        self.unknown[key] = 0.0
        self._began = time.perf_counter()

    def _note_no_longer_failed(self, node: Any, seconds: float) -> None:
        self.unknown[file_key(node)] = seconds

    def reported(self, node: pytest.Collector, failed: bool) -> None:
        """A collector's report is made."""
        if self._journal is not None:
            self._journal.end()
        super().reported(node, failed)
        key = file_key(node)
        if self.unknown.get(key) == 0.0:
            self.unknown[key] = time.perf_counter() - self._began

    def was_materialized(self, origin: Origin) -> None:
        """A file has become real; called once for each."""
        super().was_materialized(origin)
        if origin.error is not None or origin.mismatch is not None:
            path = os.fspath(origin.root.path)
            self.dropped.append((path, origin.record.collector, why_different(origin)))

    def close(self) -> None:
        """Let go of the manifest."""
        if self._journal is not None:
            self._journal.end()
        self._manifest.close()


def _open(prepared: Prepared) -> _manifest.Manifest:
    if prepared.content is None:
        return _manifest.open(prepared.manifest, prepared.options_key, dependencies.environment())
    # A mapping stays when its file's name goes.
    handle, path = tempfile.mkstemp(prefix="fastcollect-meta-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(prepared.content)
        return _manifest.open(path, prepared.options_key, dependencies.environment())
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
