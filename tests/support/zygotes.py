"""A coordinator for tests: starts a zygote or an exec'd worker and talks to it frame by frame."""

from __future__ import annotations

import ctypes
import functools
import os
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from fastcollect_meta import _wire, binaries

TIMEOUT = 60.0
_FORK = 5  # number of the frame's type
_CODE = (
    "import sys; sys.path[0] = sys.argv.pop(1); from fastcollect_meta.zygote import main; main()"
)


def hash_secret() -> bytes:
    """This process's secret of str hashes."""
    return bytes((ctypes.c_char * 24).in_dll(ctypes.pythonapi, "_Py_HashSecret"))


@functools.cache
def plain_path(executable: str) -> list[str]:
    """sys.path of an interpreter that has just started, without a script's folder."""
    code = "import sys; print(*sys.path[1:], sep='\\n')"
    result = subprocess.run([executable, "-c", code], capture_output=True, text=True, check=True)
    return result.stdout.splitlines()


@dataclass
class Answer:
    """What a worker sent about a file."""

    kind: str
    fields: dict[str, Any]

    @property
    def reason(self) -> str:
        """Why the file is to be collected natively, "" for a record."""
        return str(self.fields.get("reason", ""))

    @property
    def strings(self) -> list[str]:
        """The record's table of strings."""
        return [string.decode() for string in self.fields["strings"]]


class Died(Exception):
    """The worker's channel ended."""


@dataclass
class Worker:
    """A worker's channel and the file that its stderr goes to."""

    pid: int
    channel: _wire.Channel
    stderr: int

    def collect(self, id: int) -> Answer:
        """Assign a file and wait for its answer. Raises Died."""
        self.channel.send("Assign", {"id": id}, id)
        while True:
            try:
                message = self.channel.receive(TIMEOUT)
            except (EOFError, OSError) as error:
                raise Died(self.printed()) from error
            assert message is not None, "the worker doesn't answer"
            kind, answered, content = message
            assert answered == id
            if kind == "Record":
                return Answer(kind, _wire.unpack("Record", content))
            if kind == "Native":
                return Answer(kind, content)
            assert kind == "Begun"

    def printed(self) -> str:
        """All that is in its stderr."""
        return os.pread(self.stderr, os.fstat(self.stderr).st_size, 0).decode(errors="replace")


@dataclass
class Zygote:
    """A zygote, or with role "worker" a worker that prepares itself, in the directory `path`."""

    path: Path
    args: tuple[str, ...] = ()
    interpreter_args: tuple[str, ...] = ()
    role: str = "zygote"
    program: str | None = None
    executable: str = sys.executable
    env: dict[str, str] = field(default_factory=dict)

    files: list[dict[str, Any]] = field(default_factory=list, init=False)
    prepared: dict[str, Any] = field(default_factory=dict, init=False)
    goodbye: str | None = field(default=None, init=False)
    workers: list[Worker] = field(default_factory=list, init=False)

    def __enter__(self) -> Zygote:
        ours, theirs = socket.socketpair()
        program = self.program or binaries.worker() or self.executable
        package = str(Path(_wire.__file__).parents[1])
        self.stderr = os.memfd_create("test-zygote-stderr")
        env = {
            **os.environ,
            **self.env,
            "FASTCOLLECT_META_CHANNEL": str(theirs.fileno()),
            "FASTCOLLECT_META_ROLE": self.role,
            "FASTCOLLECT_META_EXECUTABLE": self.executable,
            "FASTCOLLECT_META_HASH_SECRET": hash_secret().hex(),
            "FASTCOLLECT_META_STDERR": str(self.stderr),
        }
        self.process = subprocess.Popen(
            [program, *self.interpreter_args, "-c", _CODE, package],
            env=env,
            cwd=self.path,
            pass_fds=[theirs.fileno(), self.stderr],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.stderr,
        )
        theirs.close()
        self.channel = _wire.Channel(ours.detach())
        try:
            self._prepare()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _prepare(self) -> None:
        hello = {"protocol": _wire.PROTOCOL, "version": _wire.VERSION, "role": "coordinator"}
        self.channel.send("Hello", hello)
        args = ("-p", "fastcollect_meta", *self.args)
        request = {
            "args": [os.fsencode(arg) for arg in args],
            "invocation_dir": os.fsencode(self.path),
            "sys_path": [os.fsencode(entry) for entry in plain_path(self.executable)],
            "executable": os.fsencode(self.executable),
            "argv": [b"/somewhere/pytest", *(os.fsencode(arg) for arg in args)],
        }
        self.channel.send("CollectRequest", request)
        while True:
            try:
                kind, _, fields = self._receive()
            except EOFError:
                raise AssertionError(self.printed()) from None
            if kind == "Walk":
                self.files += fields["files"]
            elif kind == "Goodbye":
                self.goodbye = fields["reason"]
                return
            elif kind == "Prepared":
                self.prepared = fields
                return

    def _receive(self) -> tuple[str, int, Any]:
        message = self.channel.receive(TIMEOUT)
        assert message is not None, f"the zygote doesn't answer: {self.printed()}"
        return message

    def printed(self) -> str:
        """All that is in the zygote's stderr."""
        return os.pread(self.stderr, os.fstat(self.stderr).st_size, 0).decode(errors="replace")

    def names(self) -> list[str]:
        """The files of the walk, relative to the directory."""
        return [
            str(Path(os.fsdecode(file["path"])).relative_to(self.path.resolve()))
            for file in self.files
        ]

    def id_of(self, name: str) -> int:
        """The file's id."""
        return int(self.files[self.names().index(name)]["id"])

    def fork(self) -> Worker:
        """A new worker."""
        ours, theirs = socket.socketpair()
        stderr = os.memfd_create("test-worker-stderr")
        payload = _wire.pack("Fork", {"worker": len(self.workers)})
        header = struct.pack("<BBHIII", 1, _FORK, 0, 0, len(payload), len(payload))
        with theirs, socket.socket(fileno=os.dup(self.channel.fileno())) as plain:
            socket.send_fds(plain, [header + payload], [theirs.fileno(), stderr])
        kind, _, fields = self._receive()
        assert kind == "Forked" and fields["worker"] == len(self.workers)
        worker = Worker(fields["pid"], _wire.Channel(ours.detach()), stderr)
        self.workers.append(worker)
        self.last_fork = fields
        return worker

    def own_worker(self) -> Worker:
        """This process, which is a worker itself."""
        return Worker(self.process.pid, self.channel, self.stderr)

    def reap(self, worker: Worker) -> int:
        """Wait status of a worker."""
        self.channel.send("Reap", {"pid": worker.pid})
        kind, _, fields = self._receive()
        assert kind == "Reaped" and fields["pid"] == worker.pid
        return int(fields["status"])

    def collect(self, name: str) -> Answer:
        """Collect a file in a worker of its own."""
        return self.fork().collect(self.id_of(name))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self.workers:
            worker.channel.close()
            os.close(worker.stderr)
        self.channel.close()
        os.close(self.stderr)
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def write(path: Path, files: dict[str, str] | None = None, **more: str) -> None:
    """Modules by name, without the suffix; those of folders in a dict."""
    for name, text in {**(files or {}), **more}.items():
        target = path / f"{name}.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
