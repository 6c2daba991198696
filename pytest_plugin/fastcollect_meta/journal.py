"""Which file this process is importing that no worker has tried: should the process die of it, the next run knows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "importing-"


def _started(pid: int) -> str:
    """When a process began, in the kernel's clock ticks; empty where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


class Journal:
    """A note in a folder while a file is imported: `importing-PID-START`, which holds the file's path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._note = folder / f"{_PREFIX}{os.getpid()}-{_started(os.getpid())}"
        self._noted = False
        #: Notes that processes left which are gone, by the path that they hold.
        self._left: dict[str, list[Path]] = {}

    def read(self) -> None:
        """Look for notes of processes that are gone."""
        with contextlib.suppress(OSError):
            for name in os.listdir(self._folder):
                pid, _, start = name.removeprefix(_PREFIX).partition("-")
                if not name.startswith(_PREFIX) or not pid.isdigit():
                    continue
                if _started(int(pid)) == start:
                    continue
                note = self._folder / name
                self._left.setdefault(os.fsdecode(note.read_bytes()), []).append(note)

    def __contains__(self, path: str) -> bool:
        """Whether a process has ended while it imported the file."""
        return path in self._left

    def __iter__(self) -> Iterator[str]:
        return iter(self._left)

    def begin(self, path: str) -> None:
        """This process is about to import a file. Where no note can be made there is none."""
        with contextlib.suppress(OSError):
            # Closed at once: a module may close descriptors, and open others in their place.
            self._note.write_bytes(os.fsencode(path))
            self._noted = True

    def end(self) -> None:
        """It is still there."""
        if self._noted:
            self._noted = False
            with contextlib.suppress(OSError):
                self._note.unlink()

    def settle(self, path: str) -> None:
        """What the file does is known by now."""
        for note in self._left.pop(path, ()):
            with contextlib.suppress(OSError):
                note.unlink()
