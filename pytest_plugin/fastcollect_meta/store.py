"""The manifest as one session uses it: what is still valid, and what the session adds to it."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from . import _manifest, _native, _wire, compat, dependencies
from .journal import Journal
from .options import is_named
from .options_key import options_key

if TYPE_CHECKING:
    import pytest

    from .farm import Farm

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
        "shared-class",
        "hook-effect",
        "keywords",
        "markers",
        "callspec",
        "changes-warning-filters",
        "changing-ids",
        "reads-earlier-tests",
        "unstable",
        "depends-on-order",
    }
)

#: Reason of a mark for a file that only workers of pytest-xdist have met so far: the next run prepares it.
UNKNOWN = "not-prepared"
#: Reason of a mark for a file whose import has ended or blocked a worker: only a worker may import it.
DEADLY = "deadly"
#: Reason of a mark for a file whose collection has failed. pytest itself reports the error, and so it will while all that was read
#: is unchanged.
FAILED = "collection-error"
#: Marks that aren't reasons to collect a file natively: the next run is to collect it.
_MARKS = frozenset({UNKNOWN, DEADLY})


#: Parts of a record that say nothing of what a file holds.
_ABOUT_MAKING = ("dependencies", "shared", "contexts", "duration", "registrar")


def _same_result(a: bytes, b: bytes) -> bool:
    """Whether two records of a file differ at most in how they were made."""
    left, right = (_wire.unpack("Record", record) for record in (a, b))
    for name in _ABOUT_MAKING:
        left.pop(name, None)
        right.pop(name, None)
    return bool(left == right)


def _longest_first(keys: list[Key], seconds: Mapping[Key, float]) -> list[Key]:
    """The files that took much longer than the others when they were recorded, then the others as they stand."""
    much = 4 * sum(seconds.get(key, 0.0) for key in keys) / max(1, len(keys))
    long = [key for key in keys if seconds.get(key, 0.0) > much]
    long.sort(key=lambda key: -seconds[key])
    first = set(long)
    return long + [key for key in keys if key not in first]


class Store:
    """The manifest of a session.

    :param path: of the file.
    :param own_place: the file lies in pytest's cache, whose folder may have to be made.
    :param environ: as it was when pytest started; where pytest-xdist distributes, as its workers start.
        (The process's own in C is no good: readline sets COLUMNS there.)

    Made before anything of the project is imported, so that what the process reads is recorded.
    """

    def __init__(self, path: Path, own_place: bool, environ: Mapping[bytes, bytes]) -> None:
        self.path = path
        self.own_place = own_place
        #: One line for people where the manifest could not be used or written.
        self.trouble = ""
        #: Records that could not be kept: path, collector, why.
        self.refused: list[tuple[str, str, str]] = []
        self._started = time.time_ns()
        self._manifest: _manifest.Manifest | None = None
        #: The options key, known once the manifest is open, and what keeps its records apart from others with that.
        self.key = b""
        self._apart = b""
        self._records: list[tuple[Key, bytes]] = []
        #: Path, collector, reason, seconds, and a Record that only has dependencies, or nothing.
        self._natives: list[tuple[str, str, str, float, bytes]] = []
        self._dropped: list[Key] = []
        #: What every file depends on; known once the manifest is open.
        self.base: dependencies.Dependencies | None = None
        #: Whether the file with a path is never to be served.
        self._volatile: Callable[[str], bool] = lambda path: False
        self._walked: list[tuple[str, bool]] = []
        #: Records of the manifest that hold in another context than this session's.
        self._other_contexts: dict[Key, bytes] = {}
        self._modules_changed: bool | None = None
        self._thread: threading.Thread | None = None
        self._journal = Journal(path.parent)
        dependencies.note_environment(environ)
        dependencies.install()
        self._recording = True

    def exists(self) -> bool:
        """Whether there is something to read."""
        return self.path.exists()

    def take_environment(self, environ: Mapping[bytes, bytes], changed: list[bytes]) -> None:
        """Before `open`: other processes, which use the records, start with this environment.

        :param changed: names of variables that this process was started without, or with another value. Only their
            names count for where the records are kept, since a value may be another one in each run.
        """
        dependencies.note_environment(environ)
        self._apart = b"\0".join(changed)

    def open(self, config: pytest.Config) -> None:
        """Map the manifest and look which of its records are valid."""
        patterns = config.getini("fastcollect_meta_volatile")
        self._volatile = lambda path: is_named(Path(path), config, patterns)
        try:
            dependencies.configure(config)
            self.key = options_key(config) + self._apart
            # Now: what is imported from here on belongs to the files that import it.
            self.base = dependencies.base(config)
            self._manifest = _manifest.open(str(self.path), self.key, dependencies.environment())
        except FileNotFoundError:
            return
        except (OSError, ValueError, MemoryError) as error:
            self.trouble = f"the manifest is not used: {str(error) or 'out of memory'}"
            return
        self._manifest.check_all()
        self._journal.read()

    def __len__(self) -> int:
        return 0 if self._manifest is None else len(self._manifest)

    def stale_seconds(self) -> float:
        """Seconds that collecting the stale files took when they were recorded, inf without the memory to look."""
        if self._manifest is None:
            return 0.0
        try:
            durations = self._manifest.durations()
            return sum(
                durations.get(key, 0.0)
                for key in self._manifest.keys()
                if self._manifest.stale_reason(*key) is not None
            )
        except MemoryError:
            return math.inf

    def seconds(self, key: Key) -> float:
        """Seconds that collecting a file took when it was recorded, 0 where that isn't known."""
        return 0.0 if self._manifest is None else self._manifest.durations().get(key, 0.0)

    def valid_records(self, wanted: Callable[[str], bool]) -> int:
        """Number of records that are valid.

        :param wanted: whether the file with that path belongs to this run.
        """
        manifest = self._manifest
        if manifest is None:
            return 0
        return sum(manifest.stale_reason(*key) is None for key in manifest.keys() if wanted(key[0]))

    def missing_seconds(self, wanted: Callable[[str], bool]) -> float:
        """Seconds that collecting took of files which are stale, or which workers of pytest-xdist had no record of.

        :param wanted: whether the file with that path belongs to this run.
        """
        manifest = self._manifest
        if manifest is None:
            return 0.0
        durations = manifest.durations()
        missing = [key for key in manifest.keys() if manifest.stale_reason(*key) is not None]
        missing += [key for key in durations if manifest.native_reason(*key) == UNKNOWN]
        return sum(durations.get(key, 0.0) for key in missing if wanted(key[0]))

    def is_deadly(self, key: Key) -> bool:
        """Whether importing a file has ended or blocked a worker, or ended a process like this one."""
        if self._manifest is None:
            return False
        return key[0] in self._journal or self._manifest.native_reason(*key) == DEADLY

    def has_deadly(self, wanted: Callable[[str], bool]) -> bool:
        """Whether there is such a file among those of this run.

        :param wanted: whether the file with that path belongs to it.
        """
        if self._manifest is None:
            return False
        marked = [path for path, _ in self._manifest.marked(DEADLY)]
        return any(wanted(path) and os.path.exists(path) for path in (*self._journal, *marked))

    def importing(self, key: Key) -> None:
        """This process is about to import a file that no worker has tried in this run, until `imported`."""
        self._journal.begin(key[0])

    def imported(self) -> None:
        """It has."""
        self._journal.end()

    def is_served(self, key: Key) -> bool:
        """Whether the manifest answers for a file, also with the word that it is to be collected natively."""
        if self._manifest is None or self._volatile(key[0]):
            return False
        try:
            status = self._manifest.get(*key)[0]
        except ValueError:
            return False
        if status == "native":
            return self._manifest.native_reason(*key) not in _MARKS
        return status == "valid"

    def get(self, key: Key) -> tuple[bytes | None, str]:
        """The valid record of a file, or None and the lasting reason to collect it natively, empty where unknown."""
        if self._manifest is None or self._volatile(key[0]):
            return None, ""
        try:
            status, record = self._manifest.get(*key)
        except ValueError as error:
            self.trouble = f"a record of the manifest is not used: {error}"
            return None, ""
        if status == "native":
            reason = self._manifest.native_reason(*key) or "unstable"
            return None, "" if reason in _MARKS else reason
        return record, ""

    def stale_reason(self, key: Key) -> str | None:
        """The dependency that made a file's record stale, and how; None where there is no stale record."""
        return None if self._manifest is None else self._manifest.stale_reason(*key)

    def modules_changed(self) -> bool:
        """Whether a record is stale for something else than its own file: what is known of a file alone may not hold."""
        manifest = self._manifest
        if manifest is None:
            return False
        if self._modules_changed is None:
            reasons = ((key, manifest.stale_reason(*key)) for key in manifest.keys())
            self._modules_changed = any(
                why is not None and not why.startswith(f"{key[0]}: ") for key, why in reasons
            )
        return self._modules_changed

    def ask_for_missing(self, farm: Farm) -> None:
        """Let a farm collect all files that the manifest doesn't serve, in the knowledge of the registrars that it does."""
        missing = []
        in_order = False
        for key in farm.walk():
            if not self.is_served(key) or (
                self.modules_changed() and self.get(key)[1] not in ("", FAILED)
            ):
                missing.append(key)
            elif self.is_registrar(key):
                farm.note_registrar(key)
                in_order = True
        known = {} if self._manifest is None else self._manifest.durations()
        # A registrar that is collected early can't be followed by what comes before it.
        farm.want(missing if in_order else _longest_first(missing, known), known)

    def add(self, key: Key, record: bytes) -> None:
        """A record that was made in this session."""
        if self._volatile(key[0]):
            self.add_unknown(key)
            return
        other = self._other_contexts.pop(key, None)
        if other is not None and _same_result(other, record):
            # It holds in both.
            known = _wire.unpack("Record", other)["contexts"] or [b""]
            mine = _wire.unpack("Record", record)["contexts"] or [b""]
            if mine == [b""]:
                known = [*known, b""] if b"" not in known else known
            record += _wire.pack("Record", {"contexts": known})
        self._records.append((key, record))
        self._journal.settle(key[0])

    def keep_other_context(self, key: Key, record: bytes) -> None:
        """A valid record can't be used, since other registrars have been imported before its file."""
        self._other_contexts[key] = record

    def is_registrar(self, key: Key) -> bool:
        """Whether the manifest says so of a file."""
        record, _ = self.get(key)
        return record is not None and _native.Record(record).registrar

    def add_native(self, key: Key, reason: str, seconds: float) -> None:
        """A file had to be collected natively; noted where that will be so next time too."""
        self._journal.settle(key[0])
        if reason in _LASTING:
            self._natives.append((*key, reason, seconds, b""))

    def add_deadly(self, key: Key) -> None:
        """The farm has lost workers to a file."""
        self._journal.settle(key[0])
        if self._manifest is None or self._manifest.native_reason(*key) != DEADLY:
            self._natives.append((*key, DEADLY, 0.0, b""))

    def add_failed(self, key: Key, found: dependencies.Dependencies) -> None:
        """pytest itself could not collect a file.

        :param found: what its collection read.
        """
        base = self.base
        if base is None or self._volatile(key[0]):
            return
        if found["volatile_reason"] or base["volatile_reason"]:
            return
        self._natives = [known for known in self._natives if known[:2] != key]
        record = _wire.pack("Record", {"dependencies": found, "shared": base})
        self._natives.append((*key, FAILED, 0.0, record))

    def add_walked(self, folder: str, asked: bool) -> None:
        """Pytest has walked a folder: its listing is noted where that isn't known, or not any more.

        :param asked: it was an argument of pytest itself, and not only a folder above.
        """
        if self._manifest is None or not self._manifest.has_walked(folder, asked):
            self._walked.append((folder, asked))

    def add_unknown(self, key: Key, seconds: float = 0.0) -> None:
        """A file has no record that can be kept: the next run is to collect it, and `list` to say so."""
        if self._manifest is not None and seconds == 0.0:
            if (
                self._manifest.native_reason(*key) == UNKNOWN
                and self._manifest.get(*key)[0] == "native"
            ):
                return
        if all(known[:2] != key for known in self._natives):
            self._natives.append((*key, UNKNOWN, seconds, b""))

    def drop(self, key: Key, reason: str) -> None:
        """A record turned out to be wrong: the file is collected natively from now on, for that reason."""
        self._records = [known for known in self._records if known[0] != key]
        self._dropped.append(key)
        self._natives.append((*key, reason, 0.0, b""))

    def stop_recording(self) -> None:
        """Nothing is collected any more. May be called again."""
        if self._recording:
            self._recording = False
            dependencies.release()

    def save(self, config: pytest.Config, beside: bool) -> None:
        """Merge what this session has made into the file.

        :param beside: in a thread, while the session goes on; `finish` waits for it.
        """
        if self.base is None:
            # it couldn't be opened
            return
        touched = self._manifest is not None and self._manifest.touched > 0
        if not (self._records or self._natives or self._dropped or self._walked or touched):
            return
        if self._records:
            shared = {"shared": self.base}
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
        walked, self._walked = self._walked, []
        try:
            self.refused = _manifest.update(
                str(self.path),
                self.key,
                [record for _, record in records],
                dropped,
                rootdir=rootdir,
                native=natives,
                started_ns=self._started,
                walked=walked,
            )
        except (OSError, ValueError, MemoryError) as error:
            self.trouble = f"the manifest could not be written: {str(error) or 'out of memory'}"

    def finish(self) -> None:
        """Wait until the file is written."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def close(self) -> None:
        """Let go of the file."""
        self.stop_recording()
        self._journal.end()
        manifest, self._manifest = self._manifest, None
        if manifest is not None:
            manifest.close()


class TemporaryStore(Store):
    """A manifest for one session, through which other processes get its records."""

    def __init__(self, environ: Mapping[bytes, bytes]) -> None:
        self._folder = tempfile.mkdtemp(prefix="fastcollect-meta-")
        self._owner = os.getpid()
        super().__init__(Path(self._folder) / "records.manifest", own_place=False, environ=environ)

    def close(self) -> None:
        """Remove it; a child that inherited it leaves it alone."""
        super().close()
        if os.getpid() == self._owner:
            shutil.rmtree(self._folder, ignore_errors=True)
