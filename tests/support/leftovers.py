"""What a test left behind: processes, descriptors, temporary files."""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import os
import re
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
#: Seconds that processes have to end after a test.
_GRACE = 3.0
#: Entries of the temporary folder that pytest itself keeps.
_KEPT_BY_PYTEST = "pytest-of-"


def become_subreaper() -> None:
    """Makes processes whose parent died children of this process, so that they are seen."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _children() -> dict[int, str]:
    """Children of this process by process id, with their command lines; the dead do not count."""
    found: dict[int, str] = {}
    me = os.getpid()
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path("/proc", entry, "stat").read_text(errors="replace")
            state, parent = stat.rpartition(")")[2].split()[:2]
            if int(parent) != me:
                continue
            command = (
                Path("/proc", entry, "cmdline")
                .read_bytes()
                .replace(b"\0", b" ")
                .decode(errors="replace")
            )
        except OSError:
            continue
        if state == "Z":  # whoever started it may still ask for its status
            continue
        found[int(entry)] = command[:200] or stat[:40]
    return found


def _descriptors() -> dict[int, str]:
    """Open descriptors of this process with what they stand for."""
    found: dict[int, str] = {}
    for entry in os.listdir("/proc/self/fd"):
        try:
            found[int(entry)] = os.readlink(f"/proc/self/fd/{entry}")
        except OSError:
            continue  # the one that the listing itself used
    return found


def _temporary(folder: Path) -> set[str]:
    return (
        {name for name in os.listdir(folder) if not name.startswith(_KEPT_BY_PYTEST)}
        if folder.exists()
        else set()
    )


def tempfile_trials(folder: Path) -> list[Path]:
    """Files by which Python's tempfile tries a folder: pytest's capturing has it do so, and a process that is killed then leaves one."""
    found = []
    for path in folder.iterdir():
        if re.fullmatch(r"[a-z0-9_]{8}", path.name) and path.is_file():
            if path.read_bytes() in (b"", b"blat"):
                found.append(path)
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Leftovers:
    """What is there at one moment."""

    children: dict[int, str]
    descriptors: dict[int, str]
    temporary: set[str]

    @classmethod
    def now(cls, folder: Path) -> Leftovers:
        return cls(_children(), _descriptors(), _temporary(folder))

    @classmethod
    def more_than(cls, before: Leftovers, folder: Path) -> list[str]:
        """What is there now and was not before, one text each; waits for what is just ending."""
        more = cls.now(folder)._without(before)
        if not more:
            return more
        gc.collect()
        end = time.monotonic() + _GRACE
        while (more := cls.now(folder)._without(before)) and time.monotonic() < end:
            time.sleep(0.02)
        return more

    def _without(self, before: Leftovers) -> list[str]:
        more = [
            f"process {pid} ({text})"
            for pid, text in self.children.items()
            if pid not in before.children
        ]
        if len(self.descriptors) > len(before.descriptors):
            more += [
                f"descriptor {fd} ({text})"
                for fd, text in self.descriptors.items()
                if fd not in before.descriptors
            ]
        more += [f"temporary file {name}" for name in self.temporary - before.temporary]
        return more
