"""Other tools on the same suites, each in an environment of its own, by the quickest way to list that it documents.

Those that can't list are measured until they say that they have collected, and then ended.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fcmbench import machine, measure
from fcmbench.goals import OURS
from fcmbench.results import Peer
from fcmbench.suites import Suite

# Seconds after which a tool is ended.
LIMIT = 180.0
# In a list: an id after nothing but spaces (rtest indents).
_ID = re.compile(r"^\s*([^\s\x1b]+\.pyi?::.*?)\s*$")
_LISTING = ("--collect-only", "-q", ".")


@dataclass(frozen=True, slots=True)
class Way:
    """How a tool is used.

    :param name: of the tool.
    :param mode: of this way.
    :param line: makes the command line of the folder with the tool's programs.
    :param paragraph: only what stands before the first empty line is the list, as with pytest.
    :param before: makes a command line that is run before each measured one, `after` one that is run after it.
    :param until: what it prints when it has collected; then it is ended. A group in it is the number of tests.
    :param package: what is installed, "" for nothing.
    :param note: what has to be said of it.
    :param autoload: whether pytest loads all plugins that are installed; else those on the command line.
    """

    name: str
    mode: str
    line: Callable[[Path], Sequence[str]]
    paragraph: bool = True
    before: Callable[[Path], Sequence[str]] | None = None
    after: Callable[[Path], Sequence[str]] | None = None
    until: str = ""
    package: str = ""
    note: str = ""
    autoload: bool = False


def _pytest(*arguments: str) -> Callable[[Path], Sequence[str]]:
    return lambda programs: (str(programs / "python"), "-m", "pytest", *arguments)


def _program(name: str, *arguments: str) -> Callable[[Path], Sequence[str]]:
    return lambda programs: (str(programs / name), *arguments)


def _ours(manifest: Path) -> list[Way]:
    plugin = ("-p", "fastcollect_meta", "--workers=2", f"--manifest={manifest}")
    remove = ("-c", "import os, sys; os.path.exists(sys.argv[1]) and os.remove(sys.argv[1])")
    return [
        Way(
            OURS,
            "cold, 2 workers",
            _pytest(*plugin, *_LISTING),
            before=_program("python", *remove, str(manifest)),
        ),
        Way(OURS, "warm", _pytest(*plugin, *_LISTING)),
        Way(
            OURS,
            "fastcollect-meta list",
            _program("fastcollect-meta", "list", "--manifest", str(manifest)),
        ),
    ]


_FASTCOLLECT = ("-p", "pytest_fastcollect.plugin")


def ways(manifest: Path, socket: Path) -> list[Way]:
    """All ways, in the order of the table."""
    return [
        Way("pytest", "--collect-only -q", _pytest(*_LISTING)),
        *_ours(manifest),
        Way(
            "pytest-fastcollect",
            "its cache",
            _pytest(*_FASTCOLLECT, *_LISTING),
            package="pytest-fastcollect",
        ),
        Way(
            "pytest-fastcollect",
            "threads: --parallel-import",
            _pytest(*_FASTCOLLECT, "--parallel-import", "--parallel-workers=2", *_LISTING),
            package="pytest-fastcollect",
            note="this version has no option for processes",
        ),
        Way(
            "pytest-fastcollect",
            "daemon",
            _pytest(*_FASTCOLLECT, *_LISTING),
            before=_pytest(*_FASTCOLLECT, "--daemon-start", "."),
            after=_pytest(*_FASTCOLLECT, "--daemon-stop"),
            package="pytest-fastcollect",
            note="without the time of starting the daemon",
        ),
        Way(
            "pytest-xdist",
            "-n 2, until collected",
            _pytest("-p", "xdist", "-n", "2", "."),
            until=r"2 workers \[(\d+) items?\]",
            package="pytest-xdist",
            note="with --collect-only it doesn't distribute; this is a run until both workers have collected everything",
        ),
        Way(
            "pytest-fast",
            "--serve, until ready",
            _program(
                "pytest-fast", "--serve", "--address", str(socket), "--workers", "2", "--ttl", "5"
            ),
            until=r"\[daemon\] ready in",
            package="pytest-fast",
            note="it has no list; this is its daemon until it has collected",
            autoload=True,
        ),
        Way("cito", "collect", _program("cito", "collect", "."), paragraph=False, package="cito"),
        Way(
            "cito",
            "collect --python",
            lambda programs: (
                *_program("cito", "collect", "--python")(programs),
                str(programs / "python"),
                ".",
            ),
            paragraph=False,
            package="cito",
        ),
        Way(
            "rtest",
            "--collect-only",
            _program("rtest", "--collect-only", "--cannot-expand-report", "none", "."),
            paragraph=False,
            package="rtest",
        ),
        Way(
            "karva",
            "test, until collected",
            _program("karva", "test", "--no-ignore", "--no-cache", "."),
            until=r"Starting (\d+) tests? across",
            package="karva==0.0.1a13",
            note="it has no list; it counts test functions, not their parameters",
        ),
    ]


NAMES = tuple(dict.fromkeys(way.name for way in ways(Path(), Path())))


def environment(package: str, work: Path) -> Path:
    """The folder of programs of an environment with `package`, beside what this interpreter has."""
    if not package:
        return Path(sys.executable).parent
    folder = work / "peers" / "environments" / package.partition("=")[0]
    programs = folder / "bin"
    if not (folder / ".complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        own = folder / "lib" / version / "site-packages"
        # The suites' packages are shared, so that all see the same ones; its own come first.
        (own / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install"]
        # Itself even where it is among the shared ones, then what it needs besides.
        own_copy = ["--quiet", "--ignore-installed", "--no-deps"]
        subprocess.run([*pip, *own_copy, package], check=True)
        subprocess.run([*pip, "--quiet", package], check=True)
        (folder / ".complete").touch()
    return programs


def _copied(suite: Suite, work: Path) -> Path:
    """A folder that holds nothing but the suite: tools leave files in it, and look at all that is in it."""
    if suite.args == (".",):
        return suite.cwd
    folder = work / "peers" / "suites" / suite.name
    if not (folder / ".complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
        shutil.copytree(suite.files, folder / suite.files.name, ignore=ignored)
        (folder / ".complete").touch()
    return folder


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Ends the process with all that it has started."""
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                break
            time.sleep(0.5)
        process.wait()


def _run(line: Sequence[str], cwd: Path, env: dict[str, str], until: str) -> tuple[float, str, int]:
    """Seconds, output and exit status; with `until` the time and output to the first line that has it."""
    with tempfile.TemporaryFile("w+", errors="replace") as out:
        began = time.perf_counter()
        process = subprocess.Popen(
            line,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        with _ended(process) if until else _waited(process):
            while until and process.poll() is None and time.perf_counter() - began < LIMIT:
                if re.search(until, _text(out)):
                    break
                time.sleep(0.01)
            if not until:
                process.wait(LIMIT)
            seconds = time.perf_counter() - began
        return seconds, _text(out), process.returncode


@contextmanager
def _waited(process: subprocess.Popen[str]) -> Iterator[None]:
    """Ends the process where it is still there, after an error."""
    try:
        yield
    except BaseException:
        with _ended(process):
            raise


def _text(out: object) -> str:
    """All of a file that another process writes."""
    descriptor = out.fileno()  # type: ignore[attr-defined]
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")


def ids(output: str, paragraph: bool, folder: str) -> list[str]:
    """The node ids in a tool's output, sorted, relative to the suite's folder."""
    if paragraph:
        output = output.partition("\n\n")[0]
    found = [match[1] for line in output.splitlines() if (match := _ID.match(line))]
    prefixes = ("./", f"{folder}/")
    for prefix in prefixes:
        found = [one.removeprefix(prefix) for one in found]
    return sorted(found)


def _version(programs: Path, package: str) -> str:
    name = package.partition("=")[0] or "pytest"
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    done = subprocess.run(
        [programs / "python", "-c", code], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def measure_way(
    way: Way, suite: Suite, folder: Path, work: Path, native: list[str], rounds: int
) -> Peer:
    """Measure one way; what doesn't work becomes a Peer without seconds, with the reason."""
    host = machine.here(suite.package)
    version = host.packages.get("pytest-fastcollect-meta", "")

    def failed(why: str) -> Peer:
        return Peer(suite.name, way.name, version, way.mode, [], None, None, why, host)

    try:
        programs = environment(way.package, work)
    except (OSError, subprocess.CalledProcessError) as error:
        return failed(f"can't be installed: {error}")
    if way.name != OURS:
        version = _version(programs, way.package)
    env = measure.environment({"PYTHONUNBUFFERED": "1"})
    if not way.autoload:
        env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    env["PATH"] = f"{programs}{os.pathsep}{env.get('PATH', '')}"
    seconds: list[float] = []
    output, status = "", 0
    for _ in range(rounds):
        try:
            if way.before is not None:
                _run(way.before(programs), folder, env, "")
            took, output, status = _run(way.line(programs), folder, env, way.until)
            if way.after is not None:
                _run(way.after(programs), folder, env, "")
        except (OSError, subprocess.TimeoutExpired) as error:
            return failed(f"{type(error).__name__} after {sum(seconds):.0f} s: {error}"[:200])
        seconds.append(took)
    if way.until:
        said = re.search(way.until, output)
        if said is None:
            return failed(_end(output, status))
        found = int(said[1]) if said.groups() else None
        return Peer(suite.name, way.name, version, way.mode, seconds, found, None, way.note, host)
    listed = ids(output, way.paragraph, suite.files.name)
    if not listed:
        return failed(_end(output, status))
    return Peer(
        suite.name,
        way.name,
        version,
        way.mode,
        seconds,
        len(listed),
        listed == native,
        way.note,
        host,
    )


def _end(output: str, status: int) -> str:
    """How a tool ended that found nothing: its last line that isn't empty."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    last = re.sub(r"\x1b\[[0-9;]*m", "", last).replace("|", "/")
    last = re.sub(r"(/[\w.+-]+){2,}/", "…/", last)
    return f"found nothing, exit status {status}: {last[:160]}"


def measure_suite(
    suite: Suite, work: Path, names: Sequence[str] | None, rounds: int
) -> Iterator[Peer]:
    """All ways, or those of the tools called `names`, on a suite; one listing that isn't counted comes first."""
    folder = _copied(suite, work)
    env = measure.environment({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        every = ways(Path(scratch, "peers.manifest"), Path(scratch, "socket"))
        _, output, _ = _run(every[0].line(Path(sys.executable).parent), folder, env, "")
        native = ids(output, True, suite.files.name)
        for way in every:
            if not names or way.name in names:
                yield measure_way(way, suite, folder, work, native, rounds)
