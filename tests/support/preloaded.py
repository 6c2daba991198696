"""Runs of pytest in forks of a process that has loaded pytest and nothing of ours: what a sweep of thousands of runs can
afford. The library that lets calls fail (injection.c) and sanitizers are in that process from its start; a run takes
its fault from its own environment.

As a program it is that process: it reads requests from its standard input, one JSON object a line, and writes for each
the process id, and the exit status as soon as there is one.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class Preloaded:
    """The process; close() ends it. One run at a time."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """`env`: the environment it is started in, LD_PRELOAD among it."""
        support = str(Path(__file__).parent)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "preloaded"],
            env={**env, "PYTHONPATH": os.pathsep.join([env.get("PYTHONPATH", ""), support])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def start(
        self, args: Sequence[str], folder: Path, env: Mapping[str, str], out: Path, err: Path
    ) -> Run:
        """Starts pytest with arguments (without the interpreter) in a folder; out and err are written to."""
        assert self._process.stdin is not None
        request = {
            "args": list(args),
            "folder": str(folder),
            "env": dict(env),
            "out": str(out),
            "err": str(err),
        }
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        pid = self.answer(60)
        assert pid is not None
        return Run(self, list(args), pid)

    def answer(self, seconds: float) -> int | None:
        """The next number that it says, None where there is none in time."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, seconds))
        return int(self._process.stdout.readline()) if ready else None

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)


class Run:
    """A run that goes on: as much of subprocess.Popen as is needed."""

    def __init__(self, server: Preloaded, args: list[str], pid: int) -> None:
        self._server = server
        self._args = args
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        if self._status is None:
            self._status = self._server.answer(0)
        return self._status

    def wait(self, timeout: float = 60) -> int:
        """Raises subprocess.TimeoutExpired."""
        end = time.monotonic() + timeout
        while self._status is None:
            self._status = self._server.answer(end - time.monotonic())
            if self._status is None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(self._args, timeout)
        return self._status


def _load_pytest() -> None:
    import _pytest.config

    for name in _pytest.config.default_plugins:
        __import__(f"_pytest.{name}")


def _become(request: Mapping[str, object]) -> None:
    """In the child: all of a new process that a run could see."""
    import ctypes

    os.setsid()
    os.chdir(str(request["folder"]))
    for fd, name, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, str(request["out"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, str(request["err"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        opened = os.open(name, flags, 0o600)
        os.dup2(opened, fd)
        os.close(opened)
    env = request["env"]
    assert isinstance(env, dict)
    os.environ.clear()
    os.environ.update(env)
    added = env.get("PYTHONPATH", "").split(os.pathsep)
    own = str(Path(__file__).parent)
    # As the program `pytest` has it: without the current folder, where each module could appear.
    sys.path[:] = [*added, *[p for p in sys.path if p not in ("", own, *added)]]
    args = request["args"]
    assert isinstance(args, list)
    sys.argv[:] = ["pytest", *args]
    ctypes.CDLL(None).fcm_injection_begin()


def main() -> None:
    """The process: serves requests until its standard input ends. Comes back in each child, too, with pytest run."""
    _load_pytest()
    requests, answers = os.dup(0), os.dup(1)
    with open(requests, "rb", buffering=0) as lines:
        while line := lines.readline():
            request = json.loads(line)
            child = os.fork()
            if child == 0:
                os.close(answers)
                break
            os.write(answers, f"{child}\n".encode())
            _, waited = os.waitpid(child, 0)
            os.write(answers, f"{os.waitstatus_to_exitcode(waited)}\n".encode())
        else:
            return
    _become(request)
    import pytest

    # From here on it ends as pytest's own process does, with the search for leaks at its end.
    sys.exit(pytest.main())


if __name__ == "__main__":
    main()
