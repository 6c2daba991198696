"""Tells `fastcollect-meta build` how far collection is: "DONE TOTAL" lines of files on a pipe."""

from __future__ import annotations

import contextlib
import os
import stat
import time

VARIABLE = "FASTCOLLECT_META_PROGRESS"
#: Seconds between two lines.
_INTERVAL = 0.1


class Progress:
    """Writes to the descriptor that the environment names, if it is a pipe; never waits, never fails.

    Takes the variable out of the environment: no child is to write there.
    """

    def __init__(self) -> None:
        self._fd = _pipe(os.environ.pop(VARIABLE, ""))
        self._last = 0.0

    def __bool__(self) -> bool:
        return self._fd is not None

    def tell(self, done: int, total: int) -> None:
        """`done` of `total` files have been collected."""
        now = time.monotonic()
        if self._fd is None or (done < total and now - self._last < _INTERVAL):
            return
        self._last = now
        with contextlib.suppress(OSError):
            os.write(self._fd, b"%d %d\n" % (done, max(done, total)))


def _pipe(text: str) -> int | None:
    if not text.isascii() or not text.isdigit():
        return None
    fd = int(text)
    with contextlib.suppress(OSError, OverflowError):
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.set_inheritable(fd, False)
            os.set_blocking(fd, False)
            return fd
    return None
