"""Runs one process and says what it cost, by the system's own accounting."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of pytest cost and listed.

    Times are in seconds. `cpu` is user and system time of the process and of every descendant that was
    reaped. Memory is in MiB: `main_peak` of the started process (0 where it could not be read), `any_peak`
    of the largest process among it and its descendants. `first_output` is the time from the start to the
    first byte printed: with `-q` the first test's outcome, or the first node id (0 if there was none).
    """

    wall: float
    cpu: float
    main_peak: float
    any_peak: float
    status: int
    tests: int
    digest: str
    first_output: float = 0.0
    summary: str = ""


class _Watcher(threading.Thread):
    """Keeps the last peak that the kernel reported for a process, and when its output began."""

    def __init__(self, pid: int, output: int, began: float) -> None:
        super().__init__(daemon=True)
        self.path = Path(f"/proc/{pid}/status")
        self.output = output
        self.began = began
        self.peak = 0.0
        self.first_output = 0.0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.02):
            if not self.first_output and os.fstat(self.output).st_size:
                self.first_output = time.perf_counter() - self.began
            try:
                text = self.path.read_text()
            except OSError:
                return
            for line in text.splitlines():
                if line.startswith("VmHWM:"):
                    self.peak = int(line.split()[1]) / 1024


def environment(extra: dict[str, str]) -> dict[str, str]:
    """This process' environment without what would disturb a measurement, and with `extra`."""
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTEST_", "FASTCOLLECT_META_", "COV_"))
        and key not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONUNBUFFERED")
    }
    env.update(extra)
    return env


def listed(output: bytes) -> list[bytes]:
    """The lines before the first empty one: the node ids in the output of `--collect-only -q`."""
    head, _, _ = output.partition(b"\n\n")
    return [line for line in head.split(b"\n") if line]


def run(command: Sequence[str], cwd: Path, extra_env: dict[str, str]) -> Sample:
    """Run `command` in `cwd` and wait for it; its output goes to a file, as it would on CI."""
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment(extra_env),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        watcher = _Watcher(process.pid, out.fileno(), began)
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        watcher.ended.set()
        watcher.join()
        out.seek(0)
        output = out.read()
    lines = listed(output)
    last = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    return Sample(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        main_peak=watcher.peak,
        any_peak=usage.ru_maxrss / 1024,
        status=process.returncode,
        tests=sum(b"::" in line for line in lines),
        digest=hashlib.sha256(b"\n".join(lines)).hexdigest()[:16],
        first_output=watcher.first_output or wall,
        summary="\n".join(last[-3:])[-600:],
    )
