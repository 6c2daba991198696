"""Calls of our C code that fail: the library that makes them fail, a run with one of them, and what may come of it."""

from __future__ import annotations

import dataclasses
import mmap
import os
import shlex
import struct
import subprocess
from pathlib import Path

from faultruns import Pytest, Result

_SOURCES = Path(__file__).resolve().parent.parent / "faults" / "injection"
ROLES = ("main", "coordinator", "zygote", "worker")
KINDS = ("alloc", "read", "write", "fork", "pipe", "epoll", "open")
#: Words that are never to be seen: of a sanitizer, of an assertion, of an error that nobody caught, libev's abort().
_FORBIDDEN = ("Sanitizer", "runtime error:", "Assertion `", "INTERNALERROR", "aborting")


def build(folder: Path) -> Path:
    """Compile the library into a folder; its path.

    :raises subprocess.CalledProcessError: where that fails.
    """
    library = folder / "injection.so"
    compiler = shlex.split(os.environ.get("CC") or "cc")
    subprocess.run(
        [
            *compiler,
            *(
                "-std=gnu17",
                "-D_GNU_SOURCE",
                "-O1",
                "-g",
                "-fno-omit-frame-pointer",
                "-shared",
                "-fPIC",
                "-Wall",
                "-Wextra",
            ),
            *("-o", str(library), str(_SOURCES / "injection.c"), "-ldl"),
        ],
        check=True,
        # A compiler isn't to be looked at by a sanitizer.
        env={**os.environ, "LD_PRELOAD": "", "ASAN_OPTIONS": "detect_leaks=0"},
    )
    return library


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """Which call is to fail: the n-th of some kinds in the processes of a role."""

    role: str
    kinds: str
    #: From 1; 0 for none, to count.
    number: int
    #: Whether all calls from the n-th on fail.
    on: bool = False

    def __str__(self) -> str:
        return f"{self.role}:{self.kinds}:{self.number}" + (":on" if self.on else "")


@dataclasses.dataclass(frozen=True, slots=True)
class Injected:
    """What a run with a fault came to."""

    fault: Fault
    result: Result
    #: Calls that failed.
    fired: int
    #: Calls of the kinds asked for in the role's processes.
    calls: int
    #: The same by kind.
    kinds: dict[str, int]
    #: The first call that failed: role, kind, function, number, place.
    where: str

    #: What sanitizers reported, in whichever process.
    reports: str = ""

    def judge(self, native: Result) -> str:
        """The name of what came of it; empty where it mustn't be."""
        result = self.result
        if self.reports:
            return ""
        said = result.out + result.err
        if any(word in said for word in _FORBIDDEN):
            return ""
        if (result.status, result.ids, result.errors) == (
            native.status,
            native.ids,
            native.errors,
        ):
            return "native result"
        # Clear: no test is lost silently, and the last lines say what has failed.
        last = said[-3000:].lower()
        words = ("memory", "input/output", "no space", "too many open files", "cannot", "can't")
        if result.status > 0 and any(word in last for word in words):
            return "clear error"
        return ""


def run_with(
    library: Path,
    fault: Fault,
    folder: Path,
    *args: str,
    keep_cache: bool = False,
    limit: float = 60.0,
    env: dict[str, str] | None = None,
) -> Injected:
    """A run of pytest in a folder during which a call fails. Raises faultruns.Hang."""
    session = Pytest(folder, *args, env=env)
    if keep_cache:
        at = session.args.index("no:cacheprovider")
        del session.args[at - 1 : at + 1]
    state = Path(session._temporary.name, "state")
    log = Path(session._temporary.name, "log")
    reports = Path(session._temporary.name, "sanitizer")
    state.write_bytes(bytes(mmap.PAGESIZE))
    session.env |= {
        "LD_PRELOAD": str(library),
        "FCM_FAULT": str(fault),
        "FCM_FAULT_STATE": str(state),
        "FCM_FAULT_LOG": str(log),
    }
    sanitizers = os.environ.get("FCM_SANITIZERS")
    if sanitizers:
        session.env["LD_PRELOAD"] += f" {sanitizers}"
        # One frame more, that of the library.
        session.env["ASAN_OPTIONS"] += f":malloc_context_size=3:log_path={reports}"
    with session:
        result = session.finish(limit)
        numbers = struct.unpack_from("=33Q", state.read_bytes())
        role = ROLES.index(fault.role)
        kinds = numbers[5 + 7 * role : 12 + 7 * role]
        return Injected(
            fault,
            result,
            numbers[4],
            numbers[role],
            dict(zip(KINDS, kinds)),
            log.read_text().strip() if log.exists() else "",
            "\n".join(
                path.read_text(errors="replace") for path in reports.parent.glob("sanitizer.*")
            ),
        )
