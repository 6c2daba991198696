"""The manifest as one session uses it: what is still valid, and what the session adds to it."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import _manifest, _wire, compat, dependencies

if TYPE_CHECKING:
    import pytest

Key = tuple[str, str]

#: Reasons to collect a file natively that hold for as long as the file is unchanged.
_LASTING = frozenset(
    {
        "prints-while-importing",
        "logs-while-importing",
        "warning-with-state",
        "class-not-importable",
        "class-layout",
        "shared-parameter",
        "keywords",
        "markers",
        "callspec",
        "unstable",
    }
)


def default_path(config: pytest.Config) -> Path | None:
    """Where the manifest of a project lies by default; None where pytest's cache is switched off."""
    cache = compat.cache_directory(config)
    if cache is None:
        return None
    return cache / "d" / "fastcollect-meta" / f"{sys.implementation.cache_tag}.manifest"


class Store:
    """The manifest of a session.

    :param path: of the file.
    :param own_place: the file lies in pytest's cache, whose folder may have to be made.

    Made before anything of the project is imported, so that what the process reads is recorded.
    """

    def __init__(self, path: Path, own_place: bool) -> None:
        self.path = path
        self.own_place = own_place
        #: One line for people where the manifest could not be used or written.
        self.trouble = ""
        #: Records that could not be kept: path, collector, why.
        self.refused: list[tuple[str, str, str]] = []
        self._started = time.time_ns()
        self._manifest: _manifest.Manifest | None = None
        self._key = b""
        self._records: list[tuple[Key, bytes]] = []
        self._natives: list[tuple[str, str, str, float]] = []
        self._dropped: list[Key] = []
        self._thread: threading.Thread | None = None
        dependencies.install()

    def exists(self) -> bool:
        """Whether there is something to read."""
        return self.path.exists()

    def open(self, config: pytest.Config) -> None:
        """Map the manifest and look which of its records are valid."""
        dependencies.configure(config)
        self._key = dependencies.options_key(config)
        try:
            self._manifest = _manifest.open(str(self.path), self._key)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            self.trouble = f"the manifest is not used: {error}"
            return
        self._manifest.check_all()

    def __len__(self) -> int:
        return 0 if self._manifest is None else len(self._manifest)

    def stale_seconds(self) -> float:
        """Seconds that collecting the stale files took when they were recorded."""
        if self._manifest is None:
            return 0.0
        durations = self._manifest.durations()
        return sum(
            durations.get(key, 0.0)
            for key in self._manifest.keys()
            if self._manifest.stale_reason(*key) is not None
        )

    def is_served(self, key: Key) -> bool:
        """Whether the manifest answers for a file, also with the word that it is to be collected natively."""
        if self._manifest is None:
            return False
        try:
            return self._manifest.get(*key)[0] in ("valid", "native")
        except ValueError:
            return False

    def get(self, key: Key) -> tuple[bytes | None, str]:
        """The valid record of a file, or None and the lasting reason to collect it natively, empty where unknown."""
        if self._manifest is None:
            return None, ""
        try:
            status, record = self._manifest.get(*key)
        except ValueError as error:
            self.trouble = f"a record of the manifest is not used: {error}"
            return None, ""
        if status == "native":
            return None, self._manifest.native_reason(*key) or "unstable"
        return record, ""

    def add(self, key: Key, record: bytes) -> None:
        """A record that was made in this session."""
        self._records.append((key, record))

    def add_native(self, key: Key, reason: str, seconds: float) -> None:
        """A file had to be collected natively; noted where that will be so next time too."""
        if reason in _LASTING:
            self._natives.append((*key, reason, seconds))

    def drop(self, key: Key) -> None:
        """A record turned out to be wrong: the file is collected natively from now on."""
        self._records = [known for known in self._records if known[0] != key]
        self._dropped.append(key)
        self._natives.append((*key, "unstable", 0.0))

    def save(self, config: pytest.Config, beside: bool) -> None:
        """Merge what this session has made into the file.

        :param beside: in a thread, while the session goes on; `finish` waits for it.
        """
        touched = self._manifest is not None and self._manifest.touched > 0
        if not (self._records or self._natives or self._dropped or touched):
            return
        if self._records:
            shared = {"shared": dependencies.base(config)}
            key, record = self._records[0]
            self._records[0] = (key, record + _wire.pack("Record", shared))
        if self.own_place and not compat.make_cache_directory(config, "fastcollect-meta"):
            return
        if beside:
            self._thread = threading.Thread(target=self._write, args=(str(config.rootpath),))
            self._thread.start()
        else:
            self._write(str(config.rootpath))

    def _write(self, rootdir: str) -> None:
        records, self._records = self._records, []
        natives, self._natives = self._natives, []
        dropped, self._dropped = self._dropped, []
        try:
            self.refused = _manifest.update(
                str(self.path),
                self._key,
                [record for _, record in records],
                dropped,
                rootdir=rootdir,
                native=natives,
                started_ns=self._started,
            )
        except (OSError, ValueError) as error:
            self.trouble = f"the manifest could not be written: {error}"

    def finish(self) -> None:
        """Wait until the file is written."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
