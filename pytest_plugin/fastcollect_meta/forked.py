"""Collects one file in a fork of this process: should its import end or block a process, then not this one."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from . import _wire, _worker, compat
from .reasons import Unrepresentable
from .written import empty, flush

if TYPE_CHECKING:
    import pytest

# Whatever a module puts in their place.
_getpid, _exit, _fstat = os.getpid, os._exit, os.fstat

#: Exit status of a fork that did not get as far as the file, or not as far as an answer.
BROKEN = 98


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fork has made of a file."""

    #: The packed Record message; None where there is none.
    record: bytes | None = None
    #: Without a record: a name of `reasons.EXPLANATIONS`, and what it is about.
    reason: str = ""
    detail: str = ""
    #: Without both: what became of the process, for people.
    lost: str = ""


def can_fork() -> bool:
    """Whether a fork of this process has all that this process has: other threads of Python it would not have."""
    return len(threading.enumerate()) == 1


def collect_in_fork(config: pytest.Config, collect: Callable[[], bytes], limit: float) -> Outcome:
    """Call `collect` in a fork, which has output files and a session of its own, and wait for it.

    The fork ends, and with it all processes that it has started: its parent is a keeper, itself a fork of this process, which
    becomes the parent of whatever is orphaned below it.

    :param collect: gives the packed record of a file; may raise anything.
    :param limit: seconds after which the fork is given up.
    """
    with contextlib.ExitStack() as ends:
        try:
            # what the fork has to say, and what the keeper has; the keeper ends when we close its line
            ours, theirs = map(ends.enter_context, socket.socketpair())
            line, its_line = map(ends.enter_context, socket.socketpair())
            parent = os.getpid()
            pid = _worker.fork()
        except OSError as error:
            return Outcome(lost=f"no fork could be made: {error}")
        if pid == 0:
            ours.close()
            line.close()
            _be_keeper(its_line, parent, lambda keeper: _be_fork(theirs, keeper, config, collect))
        theirs.close()
        its_line.close()
        try:
            return _wait(line, _wire.Channel(ours.detach()), limit)
        except (OSError, MemoryError) as error:
            return Outcome(lost=f"a fork could not be heard: {str(error) or 'out of memory'}")
        finally:
            line.close()
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _be_keeper(line: socket.socket, parent: int, be_fork: Callable[[int], NoReturn]) -> NoReturn:
    """Fork once more, say how that fork ends, and end all that is left of it, at the latest when the line is closed."""
    try:
        _worker.isolate(parent)
        _worker.adopt(True)
        keeper = _getpid()
        pid = _worker.fork()
        if pid == 0:
            line.close()
            be_fork(keeper)
        ended = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.register(line, select.POLLIN)
        if ended in dict(poll.poll()):
            line.send(_how_ended(pid).encode())
            poll.unregister(ended)
            # until we aren't waited for any more
            poll.poll()
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        while children := _children():
            for child in children:
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(child, 0)
    finally:
        _exit(0)


def _children() -> list[int]:
    """Children of this process, which has one thread."""
    with open(f"/proc/self/task/{_getpid()}/children", "rb") as file:
        return [int(pid) for pid in file.read().split()]


def _be_fork(
    own: socket.socket, parent: int, config: pytest.Config, collect: Callable[[], bytes]
) -> NoReturn:
    status = BROKEN
    try:
        pid = _getpid()
        channel = _wire.Channel(_worker.raise_fd(own.detach()))
        _worker.isolate(parent)
        compat.leave_capture(config)
        out, err = _worker.redirect_stdio(-1)
        # what the main process hasn't written yet is its own to write
        flush()
        empty((out, err))
        faulthandler.enable(file=err)
        compat.start_capture(config, out, err)
        reason = detail = ""
        record = b""
        try:
            record = collect()
            flush()
            if _fstat(out).st_size or _fstat(err).st_size:
                raise Unrepresentable("prints-while-importing")
        except Unrepresentable as why:
            reason, detail = why.reason, why.detail
        except Exception as error:
            reason, detail = "internal-error", f"{type(error).__name__}: {error}"
        except BaseException as error:
            reason, detail = "exits-while-importing", f"{type(error).__name__}: {error}"
        # The file may have forked, and this be the child.
        if _getpid() == pid:
            if reason:
                detail = detail.encode("utf-8", "backslashreplace").decode()
                channel.send("Native", {"id": 1, "reason": reason, "detail": detail}, 1)
            else:
                channel.send_record(1, record)
        status = 0
    finally:
        _exit(status)


def _wait(line: socket.socket, channel: _wire.Channel, limit: float) -> Outcome:
    """The answer of the fork, or what its keeper says; the fork's own children may hold its end for longer than it lives."""
    deadline = time.monotonic() + limit
    try:
        poll = select.poll()
        poll.register(line, select.POLLIN)
        poll.register(channel.fileno(), select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return Outcome(lost=f"it has taken more than {limit:.0f} s")
            over = line.fileno() in dict(poll.poll(left * 1000))
            try:
                if (message := channel.receive(0.0)) is not None:
                    name, _, content = message
                    if name == "Record":
                        return Outcome(record=content)
                    return Outcome(reason=content["reason"], detail=content["detail"])
            except EOFError:
                # only the keeper can still be waited for
                with contextlib.suppress(KeyError):
                    poll.unregister(channel.fileno())
            if over:
                return Outcome(lost=line.recv(200).decode() or "its keeper has ended")
    finally:
        channel.close()


def _how_ended(pid: int) -> str:
    with contextlib.suppress(OSError):
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        if ended is not None and ended.si_code == os.CLD_EXITED:
            return f"exit status {ended.si_status}"
        if ended is not None:
            return f"signal {signal.Signals(ended.si_status).name}"
    return "it has ended"
