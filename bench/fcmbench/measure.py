"""Runs one process and says what it cost, by the system's own accounting."""

from __future__ import annotations

import hashlib
import json
import os
import re
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
    first byte printed: with `-q` the first test's outcome, or the first node id. `coordinator_cpu` and
    `workers_cpu` (the zygote's among it) are what the farm's statistics say, where a run was asked for them.
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
    coordinator_cpu: float | None = None
    workers_cpu: float | None = None


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


def outcome(output: str) -> str:
    """What pytest's last line says without its time: "12 passed, 1 skipped", or the end of the output."""
    for line in reversed(output.splitlines()):
        if found := re.fullmatch(r"=*\s*(\d.*|no tests .*) in [\d.]+s.*", line.strip()):
            return found[1]
    return "\n".join(output.splitlines()[-3:])[-400:]


def run(
    command: Sequence[str],
    cwd: Path,
    extra_env: dict[str, str],
    statistics: Path | None = None,
    both: bool = True,
) -> Sample:
    """Run `command` in `cwd` and wait for it; its output goes to a file, as it would on CI.

    :param statistics: where the command leaves the farm's statistics (see statistics_probe).
    :param both: what is printed to stderr is part of the output, too.
    """
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment(extra_env),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT if both else subprocess.DEVNULL,
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
    ids = [line for line in listed(output) if b"::" in line]
    farm = {}
    if statistics is not None and statistics.exists():
        farm = json.loads(statistics.read_text())
        statistics.unlink()
    return Sample(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        main_peak=watcher.peak,
        any_peak=usage.ru_maxrss / 1024,
        status=process.returncode,
        tests=len(ids),
        digest=hashlib.sha256(b"\n".join(ids)).hexdigest()[:16],
        first_output=watcher.first_output or wall,
        summary=outcome(output.decode(errors="replace")),
        coordinator_cpu=farm.get("coordinator_cpu"),
        workers_cpu=farm.get("workers_cpu"),
    )
