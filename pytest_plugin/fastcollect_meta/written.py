"""What this process writes to stdout and stderr: its buffers, and the files that these are in a worker or a fork."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable

from fastcollect_meta import _worker


def flush() -> None:
    """Write what is in the buffers of this process; at a fork it would be written by both."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(Exception):
            stream.flush()  # type: ignore[union-attr]
    _worker.flush_stdio()


def empty(files: Iterable[int]) -> None:
    """Drop what has been written to these files, given by their descriptors.

    :raises OSError: where that fails.
    """
    for fd in files:
        os.lseek(fd, 0, os.SEEK_SET)
        os.ftruncate(fd, 0)
