"""Calls of our C code that fail: the library that makes them fail, a run with one of them, and what may come of it."""

from __future__ import annotations

import dataclasses
import mmap
import os
import shlex
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from fastcollect_meta import binaries
from faultruns import Hang, Pytest, Result
from preloaded import Preloaded

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
    #: Whether it was a command of the coordinator's program.
    command: bool = False

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
        # A command says of a file that it is stale, or was left out.
        listed = "\n".join(result.ids or ())
        if self.command and (
            (result.status == 3 and (result.err or "stale" in listed))
            or (result.status >= 0 and ("stale: " in listed or "is damaged" in result.err))
        ):
            return "says what is left out"
        # Clear: no test is lost silently, and the last lines say what has failed.
        last = said[-3000:].lower()
        words = ("memory", "input/output", "no space", "too many open files", "cannot", "can't")
        if result.status > 0 and any(word in last for word in words):
            return "clear error"
        return ""


def _preloading(library: Path) -> dict[str, str]:
    """Environment that puts the library, and sanitizers where there are any, into a process."""
    return {"LD_PRELOAD": " ".join([str(library), os.environ.get("FCM_SANITIZERS", "")]).strip()}


def _reporting_to(reports: Path) -> dict[str, str]:
    if "FCM_SANITIZERS" not in os.environ:
        return {}
    # One frame more, that of the library.
    return {
        "ASAN_OPTIONS": f"{os.environ['ASAN_OPTIONS']}:malloc_context_size=3:log_path={reports}",
        "UBSAN_OPTIONS": f"{os.environ['UBSAN_OPTIONS']}:log_path={reports}",
    }


def _take_reports(reports: Path) -> str:
    """What sanitizers wrote, which is removed."""
    texts = []
    for path in reports.parent.glob(f"{reports.name}.*"):
        texts.append(path.read_text(errors="replace"))
        path.unlink()
    return "\n".join(texts)


class _Seam:
    """The files by which the library is told what is to fail, and tells what did."""

    def __init__(self, folder: Path, fault: Fault) -> None:
        self._fault = fault
        self._state = folder / "state"
        self._log = folder / "log"
        self._state.write_bytes(bytes(mmap.PAGESIZE))

    @property
    def env(self) -> dict[str, str]:
        return {
            "FCM_FAULT": str(self._fault),
            "FCM_FAULT_STATE": str(self._state),
            "FCM_FAULT_LOG": str(self._log),
        }

    def injected(self, result: Result, reports: str, command: bool = False) -> Injected:
        numbers = struct.unpack_from("=33Q", self._state.read_bytes())
        role = ROLES.index(self._fault.role)
        kinds = numbers[5 + 7 * role : 12 + 7 * role]
        return Injected(
            self._fault,
            result,
            numbers[4],
            numbers[role],
            dict(zip(KINDS, kinds)),
            self._log.read_text().strip() if self._log.exists() else "",
            reports,
            command,
        )


class Server:
    """A process that runs are forked from; a context. See preloaded.py."""

    def __init__(self, library: Path) -> None:
        self._temporary = tempfile.TemporaryDirectory()
        self.reports = Path(self._temporary.name, "sanitizer")
        self.process = Preloaded(
            {**os.environ, **_preloading(library), **_reporting_to(self.reports)}
        )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.close()
        self._temporary.cleanup()


def run_with(
    library: Path,
    fault: Fault,
    folder: Path,
    *args: str,
    keep_cache: bool = False,
    limit: float = 60.0,
    env: dict[str, str] | None = None,
    server: Server | None = None,
) -> Injected:
    """A run of pytest in a folder during which a call fails; forked from the server if there is one. Raises
    faultruns.Hang."""
    session = Pytest(folder, *args, env=env, server=server.process if server else None)
    if keep_cache:
        at = session.args.index("no:cacheprovider")
        del session.args[at - 1 : at + 1]
    place = Path(session._temporary.name)
    reports = server.reports if server else place / "sanitizer"
    seam = _Seam(place, fault)
    session.env |= {**seam.env, **_preloading(library), **_reporting_to(reports)}
    with session:
        result = session.finish(limit)
        return seam.injected(result, _take_reports(reports))


def command_with(library: Path, fault: Fault, folder: Path, *args: str) -> Injected:
    """A command of the coordinator's program in a folder, as run_with(). Its output stands for the list of tests."""
    program = binaries.coordinator()
    assert program is not None
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        seam, reports = _Seam(place, fault), place / "sanitizer"
        env = {**os.environ, **seam.env, **_preloading(library), **_reporting_to(reports)}
        began = time.monotonic()
        try:
            ended = subprocess.run(
                [program, *args],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                errors="replace",
                timeout=60,
            )
        except subprocess.TimeoutExpired as error:
            raise Hang(f"{args} did not end") from error
        result = Result(
            ended.returncode,
            ended.stdout.splitlines(),
            [],
            "",
            ended.stderr,
            time.monotonic() - began,
        )
        return seam.injected(result, _take_reports(reports), command=True)
