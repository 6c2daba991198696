"""Runs of pytest that something happens to: started in a session of their own, bounded, and looked at."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType

from preloaded import Preloaded, Run

#: The folder of the plugins that runs under test may load.
PROBE = Path(__file__).resolve().parent.parent / "faults" / "probe"
_DROPPED = re.compile(
    r"FASTCOLLECT_META_(?!GC$)|PYTEST_|FAULT_|CI$|BUILD_NUMBER$|PYTHONDONTWRITEBYTECODE$"
)
#: A run that takes longer than this (seconds) hangs.
TIME_LIMIT = 60.0
FARM = ("-p", "fastcollect_meta", "--workers=2")


class Hang(AssertionError):
    """A run did not end by itself."""


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """How a run ended."""

    status: int
    #: Node ids in order; None where the run did not get as far as its end.
    ids: list[str] | None
    #: Collection errors: node id of the collector, text.
    errors: list[tuple[str, str]]
    out: str
    err: str
    seconds: float

    def error_of(self, name: str) -> str:
        """The text of the only error of a file."""
        texts = [text for nodeid, text in self.errors if nodeid == name]
        assert len(texts) == 1, f"{len(texts)} errors for {name}: {self}"
        return texts[0]

    @property
    def files(self) -> dict[str, int]:
        """Files by where they came from, as the plugin's summary counts them."""
        found = re.search(r"fastcollect-meta: \d+ files \(([^)]*)\)", self.out)
        assert found, self.out + self.err
        counts: dict[str, int] = {}
        for part in found[1].split(", "):
            number, _, name = part.partition(" ")
            if name:
                counts[name] = int(number)
        return counts


def children_of(pid: int) -> list[int]:
    """Children of a process."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        return [
            int(child)
            for task in tasks
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()
        ]
    except OSError:
        return []


def descendants_of(pid: int) -> list[int]:
    """Children, their children and so on."""
    found = children_of(pid)
    for child in list(found):
        found += descendants_of(child)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def state_of(pid: int) -> str:
    """What a process is and waits for, for messages."""
    parts = []
    for name in ("cmdline", "wchan", "stat"):
        try:
            text = Path(f"/proc/{pid}/{name}").read_bytes().replace(b"\0", b" ")
            parts.append(text.decode(errors="replace")[:120].strip())
        except OSError:
            parts.append("?")
    return f"{pid}: " + " | ".join(parts)


class Pytest:
    """A pytest that runs in a folder, in a session of its own. A context: leaves no process behind."""

    def __init__(
        self,
        folder: Path,
        *args: str,
        farm: bool = True,
        env: Mapping[str, str] | None = None,
        prepare: Callable[[], None] | None = None,
        stdin: int = subprocess.DEVNULL,
        collect_only: bool = True,
        server: Preloaded | None = None,
    ) -> None:
        """`prepare` runs in the child before the interpreter is executed. With a `server` it is forked from that instead,
        and reads nothing from its stdin."""
        self.folder = folder
        self.args = [
            *(sys.executable, "-m", "pytest", "-p", "fault_probe", "-p", "no:cacheprovider"),
            *(FARM if farm else ()),
            *(("--collect-only", "-q") if collect_only else ()),
            *args,
        ]
        kept = {name: value for name, value in os.environ.items() if not _DROPPED.match(name)}
        self._temporary = tempfile.TemporaryDirectory()
        self._seen = Path(self._temporary.name, "seen.json")
        self._out = Path(self._temporary.name, "out")
        self._err = Path(self._temporary.name, "err")
        self.env = {
            **kept,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": str(PROBE),
            "FAULT_PROBE": str(self._seen),
            "COLUMNS": "200",
            **(env or {}),
        }
        self._prepare = prepare
        self._stdin = stdin
        self._known: set[int] = set()
        self._server = server

    def __enter__(self) -> Pytest:
        self._began = time.monotonic()
        self.process: subprocess.Popen[bytes] | Run
        if self._server is not None:
            self.process = self._server.start(
                self.args[3:], self.folder, self.env, self._out, self._err
            )
            return self
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                self.args,
                cwd=self.folder,
                env=self.env,
                stdin=self._stdin,
                stdout=out,
                stderr=err,
                start_new_session=True,
                preexec_fn=self._prepare,
            )
        return self

    @property
    def pid(self) -> int:
        """The main process."""
        return self.process.pid

    def descendants(self) -> list[int]:
        """Processes below the main one."""
        found = descendants_of(self.pid)
        self._known.update(found)
        return found

    def _with(self, word: str) -> list[int]:
        found = []
        for pid in self.descendants():
            try:
                if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
            except OSError:
                continue
        return found

    def coordinator(self) -> int | None:
        """The coordinator's pid, None while there is none."""
        return next(iter(self._with("\0serve\0")), None)

    def farm(self) -> list[int]:
        """The zygote first, then workers, as far as there are any."""
        return sorted(self._with("fastcollect_meta.zygote"))

    def zygote(self) -> int | None:
        """The zygote's pid, None while there is none."""
        coordinator = self.coordinator()
        found = self.farm()
        return next((pid for pid in children_of(coordinator or 0) if pid in found), None)

    def workers(self) -> list[int]:
        """Pids of workers."""
        zygote = self.zygote()
        return [pid for pid in self.farm() if pid != zygote]

    def wait_for(self, what: Callable[[], object], seconds: float = 30.0) -> bool:
        """Wait until something is true; False when the run ended before."""
        end = time.monotonic() + seconds
        while not what():
            if self.process.poll() is not None:
                return False
            if time.monotonic() > end:
                raise Hang(f"waited {seconds} s in vain; {self._explain()}")
            time.sleep(0.005)
        return True

    def signal(self, pid: int | None, number: int) -> bool:
        """Send a signal; False when the process is gone already."""
        try:
            if pid is None:
                return False
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def finish(self, limit: float = TIME_LIMIT) -> Result:
        """Wait for its end. Raises Hang."""
        try:
            status = self.process.wait(max(0.1, limit - (time.monotonic() - self._began)))
        except subprocess.TimeoutExpired:
            raise Hang(f"pytest did not end within {limit} s; {self._explain()}") from None
        seconds = time.monotonic() - self._began
        data = json.loads(self._seen.read_text()) if self._seen.exists() else {}
        return Result(
            status,
            data.get("items") or data.get("ids"),
            [(nodeid, text) for nodeid, text in data.get("errors", ())],
            self._out.read_text(errors="replace"),
            self._err.read_text(errors="replace"),
            seconds,
        )

    def _explain(self) -> str:
        lines = [state_of(pid) for pid in [self.pid, *self.descendants()][:12]]
        lines.append(self._out.read_text(errors="replace")[-1500:])
        lines.append(self._err.read_text(errors="replace")[-3000:])
        return "\n".join(lines)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            for pid in [self.pid, *self.descendants()]:
                self.signal(pid, signal.SIGKILL)
            self.process.wait()
        self._temporary.cleanup()


def run(folder: Path, *args: str, limit: float = TIME_LIMIT, **options: object) -> Result:
    """A whole run; the options are those of `Pytest`. Raises Hang."""
    with Pytest(folder, *args, **options) as pytest:  # type: ignore[arg-type]
        return pytest.finish(limit)


def reap_adopted() -> Iterator[int]:
    """Reap orphans that this process, a subreaper, has got; yields their pids."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid


HEALTHY = """\
import pytest

def test_one():
    pass

@pytest.mark.parametrize("x", [1, 2])
def test_two(x):
    pass

class TestGroup:
    def test_three(self):
        pass
"""


def write_suite(folder: Path, files: Mapping[str, str], healthy: int = 4) -> None:
    """Files by name, and healthy ones around them: test_a0.py ... before, test_z0.py ... after."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    for i in range(healthy):
        name = f"test_{'a' if i < healthy / 2 else 'z'}{i}.py"
        (folder / name).write_text(HEALTHY)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def healthy_ids(folder: Path) -> list[str]:
    """Node ids of the healthy files of a suite, in order."""
    names = sorted(path.name for path in folder.glob("test_[az][0-9]*.py"))
    tests = ["test_one", "test_two[1]", "test_two[2]", "TestGroup::test_three"]
    return [f"{name}::{test}" for name in names for test in tests]
