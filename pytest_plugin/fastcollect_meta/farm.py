"""The farm as the main process sees it: starts the coordinator, asks it for files, takes its answers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastcollect_meta import _wire

#: Seconds that the coordinator gets to end by itself when the farm is closed, before it is killed.
_CLOSE_SECONDS = 10.0
#: From where on the channel's descriptor lies, out of the way of those that tests open, which may show their numbers.
_HIGH_DESCRIPTOR = 200

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the farm has to say about one file."""

    #: The packed Record message; None where there is none.
    record: bytes | None = None
    #: Without a record: a name of `reasons.EXPLANATIONS`.
    reason: str = ""
    #: What it is about, for people. Several lines for a failure.
    detail: str = ""
    #: The file cost its workers, so that it must not be imported here: a collection error.
    failed: bool = False


def _raised(fd: int) -> int:
    """The descriptor under a high number, as it is where the limit is lower. Takes it over."""
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH_DESCRIPTOR)
    except OSError:
        return fd
    os.close(fd)
    return high


class Farm:
    """A coordinator and what it has said so far. Made by `start()`; used from one thread.

    No method raises because the farm has ended: files that it can't answer any more get the reason
    "farm-gone", and `gone` says what happened.
    """

    def __init__(self, process: subprocess.Popen[bytes], channel: _wire.Channel) -> None:
        self._process = process
        self._channel = channel
        self._owner = os.getpid()
        self._walk: dict[Key, list[int]] = {}
        self._walk_done = False
        self._answers: dict[int, Answer] = {}
        self._taken: dict[Key, int] = {}
        self._wanted: set[int] = set()
        self._closed = False
        self._leaving = False
        self._ended = False
        #: Why the farm has ended before it was closed; None while it works.
        self.gone: str | None = None
        #: Fields of the Statistics message; None until the farm has ended.
        self.statistics: dict[str, Any] | None = None

    @classmethod
    def start(
        cls,
        coordinator: str,
        *,
        args: list[bytes],
        invocation_dir: bytes,
        executable: bytes,
        workers: int,
        argv: list[bytes] | None = None,
        interpreter_args: list[bytes] | None = None,
        sys_path: list[bytes] | None = None,
        hash_secret: bytes = b"",
        prefetch: bool = True,
        manifest: bytes = b"",
        options_key: bytes = b"",
        worker_program: bytes = b"",
        record_dependencies: bool = False,
        time_limit: float = 0.0,
        worker_memory: int = 0,
        lib_dir: bytes = b"",
        environ: Mapping[bytes, bytes] | None = None,
    ) -> Farm:
        """Start the coordinator and send it the request; doesn't wait for anything.

        :param coordinator: path of its program.
        :param environ: the environment of the farm's processes; without it this process's own.
        :param time_limit: seconds that a file may take, 0 for a limit by its history.

        The other parameters are the fields of CollectRequest in fastcollect.proto.

        :raises OSError: when the program can't be started.
        """
        request = {
            "args": args,
            "argv": argv or [],
            "invocation_dir": invocation_dir,
            "executable": executable,
            "interpreter_args": interpreter_args or [],
            "sys_path": sys_path or [],
            "workers": workers,
            "hash_secret": hash_secret,
            "prefetch": prefetch,
            "manifest": manifest,
            "options_key": options_key,
            "worker_program": worker_program,
            "record_dependencies": record_dependencies,
            "time_limit": time_limit,
            "worker_memory": worker_memory,
            "lib_dir": lib_dir,
        }
        ours, theirs = socket.socketpair()
        with ours, theirs:
            # It stays in our session and process group, and ignores what a terminal sends both of us;
            # it ends when our end of the socket does, however that comes about.
            process = subprocess.Popen(
                [coordinator, "serve", f"--fd={theirs.fileno()}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environ,
            )
            farm = cls(process, _wire.Channel(_raised(ours.detach())))
        farm._begin(request)
        return farm

    def _begin(self, request: dict[str, Any]) -> None:
        hello = {
            "protocol": _wire.PROTOCOL,
            "version": _wire.VERSION,
            "pid": os.getpid(),
            "role": "main",
        }
        try:
            self._channel.send("Hello", hello)
            self._channel.send("CollectRequest", request)
        except (OSError, MemoryError) as error:
            self._lost(error)

    # What arrives

    def _lost(self, error: BaseException | None = None) -> None:
        """The coordinator can't be heard any more."""
        if self._ended:
            return
        self._ended = True
        status = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(1.0)
        self.gone = "the coordinator ended" + (f" (status {status})" if status else "")
        if status is None and error is not None:
            self.gone = f"the coordinator can't be reached: {str(error) or 'out of memory'}"

    def _note(self, name: str, id: int, content: Any) -> None:
        if name == "Record":
            self._answers[id] = Answer(record=content)
        elif name == "Native":
            self._answers[id] = Answer(reason=content["reason"], detail=content["detail"])
        elif name == "Failure":
            self._answers[id] = Answer(
                reason=content["reason"], detail=content["detail"], failed=True
            )
        elif name == "Revoke":
            # Another answer follows.
            self._answers.pop(id, None)
        elif name == "Walk":
            for file in content["files"]:
                key = (os.fsdecode(file["path"]), file["collector"])
                self._walk.setdefault(key, []).append(file["id"])
            self._walk_done |= content["done"]
        elif name == "Statistics":
            self.statistics = content
        elif name == "Goodbye":
            self._ended = True
            if not self._leaving:
                self.gone = content["reason"] or "the coordinator ended"

    def _receive(self, timeout: float | None) -> bool:
        """Take one message; False when none came in time or the farm has ended."""
        if self._ended or self._closed:
            return False
        try:
            message = self._channel.receive(timeout)
        except (EOFError, OSError, MemoryError) as error:
            self._lost(error)
            return False
        if message is None:
            return False
        self._note(*message)
        return True

    # What the plugin asks

    def walk(self) -> dict[Key, list[int]]:
        """Files that the farm has found, waiting until it has found them all.

        Ids in the order of the walk by (path, "module:qualname" of the collector's class). Incomplete
        when the farm has ended: see `gone`.
        """
        while not (self._walk_done or self._ended or self._closed):
            self._receive(None)
        return self._walk

    def known(self) -> int:
        """How many files the farm is known to have found; doesn't wait."""
        return sum(map(len, self._walk.values()))

    def ready(self) -> int:
        """How many answers have come that nobody has taken; doesn't wait."""
        while self._receive(0.0):
            pass
        return len(self._answers)

    def get(self, path: str, collector: str) -> Answer:
        """The farm's answer for a file, waiting for it. KeyboardInterrupt passes through.

        A file that stands in the walk more than once is answered once for each.

        :param path: absolute, as the collector has it.
        :param collector: "module:qualname" of the collector's class.
        """
        key = (path, collector)
        ids = self.walk().get(key, [])
        taken = self._taken.get(key, 0)
        if taken >= len(ids):
            if self._walk_done:
                return Answer(reason="not-in-walk")
            return self._answer_gone()
        id = ids[taken]
        while id not in self._answers and self._receive(0.0):
            pass
        if id not in self._answers:
            self._want(id)
            while not (id in self._answers or self._ended or self._closed):
                self._receive(None)
        answer = self._answers.pop(id, None)
        if answer is None:
            return self._answer_gone()
        self._taken[key] = taken + 1
        return answer

    def want(self, keys: list[Key], seconds: Mapping[Key, float]) -> None:
        """Let the farm begin with these files, the first one first. For a farm that doesn't begin by itself.

        :param seconds: what collecting a file took before, where that is known.
        """
        walk = self.walk()
        for key in keys:
            for id in walk.get(key, []):
                self._want(id, seconds.get(key, 0.0))

    def note_registrar(self, key: Key) -> None:
        """A file that wasn't collected by the farm changes what later ones see."""
        for id in self.walk().get(key, []):
            if not (self._ended or self._closed):
                with contextlib.suppress(OSError):
                    self._channel.send("Registrar", {"id": id}, id)

    def _want(self, id: int, seconds: float = 0.0) -> None:
        if id in self._wanted or self._ended or self._closed:
            return
        self._wanted.add(id)
        try:
            self._channel.send("Want", {"id": id, "seconds": seconds}, id)
        except OSError:
            # The end shows when reading, behind what was said before.
            pass
        except MemoryError as error:
            self._lost(error)

    def _answer_gone(self) -> Answer:
        return Answer(reason="farm-gone", detail=self.gone or "the farm has been closed")

    def close(self) -> dict[str, Any] | None:
        """End the coordinator and all that it has started; may be called again.

        Returns the fields of its Statistics message, None where it ended without.
        """
        if self._closed:
            return self.statistics
        if os.getpid() != self._owner:
            # A child that inherited us: the farm isn't its own to end.
            self._closed = True
            self._channel.close()
            return None
        try:
            self._say_goodbye()
        finally:
            self._closed = True
            self._channel.close()
            self._reap()
        return self.statistics

    def _say_goodbye(self) -> None:
        deadline = time.monotonic() + _CLOSE_SECONDS
        if not self._ended:
            self._leaving = True
            try:
                self._channel.send("Goodbye", {"reason": ""})
            except OSError:
                pass
            except MemoryError as error:
                self._lost(error)
        while not self._ended and (left := deadline - time.monotonic()) > 0:
            self._receive(left)

    def _reap(self) -> None:
        """With the channel closed the coordinator ends; if it doesn't, it takes its children with it."""
        try:
            self._process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
