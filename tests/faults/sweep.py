"""Countdown faults: lets each call that our C code makes of the system fail, one after the other, a whole run for each.

    script/sweep [--scenes plain,warm] [--roles coordinator,worker] [--kinds any] [--step N] [--from N] [--jobs N]

Scenes:
  plain      without a manifest: main, coordinator, zygote, worker
  recording  a manifest is made: the same processes
  edited     one of two files has changed and is collected by main itself, the manifest is replaced: main
  warm       all is served from the manifest: main
  commands   list, show, export, check, shard, merge on a manifest: the coordinator's program

Every run has to end with the native result or a clear error: no crash, no hang, no report of a sanitizer, no process
and no temporary file left, and the manifest that it leaves is whole or none. Ends with a table; exit status 0 if nothing
else was seen. Runs are forked from a process that has pytest loaded (tests/support/preloaded.py).
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from fastcollect_meta import binaries
from faultruns import Hang, Result, reap_adopted, run, write_suite
from injection import KINDS, ROLES, Fault, Injected, Server, build, command_with, run_with
from leftovers import Leftovers, become_subreaper

#: Something of everything: values, marks, output, a warning.
MODULE = """\
import pytest, warnings
pytestmark = pytest.mark.usefixtures()
print("printed")
warnings.warn("warned")

@pytest.mark.parametrize("x, y", [(1, "b"), (2.5, None), ((1, [2]), {"k": b"v"})])
@pytest.mark.skipif(False, reason="none")
def test_values(x, y):
    pass

class TestGroup:
    @pytest.fixture(params=[1, object])
    def fix(self, request):
        return request.param

    def test_with(self, fix):
        pass
"""
#: Runs in a row that didn't get as far as the n-th call before a sweep ends: how many there are varies.
_MISSED = 4
_MANIFEST = f".pytest_cache/d/fastcollect-meta/{sys.implementation.cache_tag}.manifest"
#: The commands of the scene of that name.
COMMANDS = (
    ("list", "-k", "values and not none", "-m", "skipif or usefixtures"),
    ("list", "--json", "--no-check", "test_a.py", "test_b.py::TestGroup"),
    ("show", "test_a.py"),
    ("export",),
    ("check",),
    ("shard", "1/2", "--no-check"),
    ("merge", "-o", "merged", _MANIFEST),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """What a run finds, and in which processes calls are to fail."""

    roles: tuple[str, ...]
    #: Whether there is a cache folder, so that a manifest is written.
    keeps: bool = False
    #: Whether there is a manifest before.
    warm: bool = False
    #: Whether a file has changed since.
    edited: bool = False


SCENES = {
    "plain": Scene(("coordinator", "zygote", "worker", "main")),
    "recording": Scene(("coordinator", "zygote", "worker", "main"), keeps=True),
    "edited": Scene(("main",), keeps=True, warm=True, edited=True),
    "warm": Scene(("main",), keeps=True, warm=True),
    "commands": Scene(("coordinator",), keeps=True, warm=True),
}


class Place:
    """A folder with the suite and what a run finds there, made anew for each run; one for each thread."""

    def __init__(self, folder: Path, scene: Scene, library: Path) -> None:
        self.suite = folder / "suite"
        self.suite.mkdir(parents=True)
        self.cache = self.suite / ".pytest_cache"
        self._kept = folder / "cache" if scene.warm else None
        write_suite(self.suite, {"test_a.py": MODULE, "test_b.py": MODULE}, healthy=0)
        self.server = Server(library)
        if self._kept:
            none = Fault("worker", "any", 0)
            run_with(library, none, self.suite, keep_cache=True, limit=200, server=self.server)
            shutil.copytree(self.cache, self._kept)
        if scene.edited:
            (self.suite / "test_b.py").write_text(MODULE + "# changed\n")

    def renew(self) -> None:
        """The cache folder as it was."""
        shutil.rmtree(self.cache, ignore_errors=True)
        (self.suite / "merged").unlink(missing_ok=True)
        if self._kept:
            shutil.copytree(self._kept, self.cache)

    def left(self, native: Result) -> list[str]:
        """What a run mustn't leave in the cache folder: temporary files, a manifest that holds something else."""
        wrong = [str(p) for end in ("tmp", "new") for p in self.suite.rglob(f"*.{end}")]
        program = binaries.coordinator()
        assert program is not None
        listed = subprocess.run([program, "list"], cwd=self.suite, capture_output=True, text=True)
        if listed.returncode == 0 and listed.stdout.splitlines() != native.ids:
            wrong.append(f"a manifest that lists {listed.stdout}")
        return wrong


class Sweep:
    """One role's sweep over the n-th call in one scene."""

    def __init__(
        self,
        options: argparse.Namespace,
        scene: Scene,
        role: str,
        library: Path,
        folder: Path,
        command: tuple[str, ...] = (),
    ) -> None:
        self.options = options
        self.scene = scene
        self.role = role
        self.library = library
        self.folder = folder
        self.command = command
        #: By kind of call and what came of it.
        self.outcomes: collections.Counter[tuple[str, str]] = collections.Counter()
        self.bad = 0
        self.missed = 0
        self._lock = threading.Lock()
        self._next = options.first
        self._count = 0

    def _take(self) -> int | None:
        with self._lock:
            if self.missed >= _MISSED or self._next > self.options.last:
                return None
            number = self._next
            self._next += self.options.step
            return number

    def _run(self, place: Place, number: int) -> Injected:
        place.renew()
        fault = Fault(self.role, self.options.kinds, number, self.options.on)
        if self.command:
            return command_with(self.library, fault, place.suite, *self.command)
        return run_with(
            self.library,
            fault,
            place.suite,
            keep_cache=self.scene.keeps,
            limit=45,
            server=place.server,
        )

    def _expected(self, place: Place) -> Result:
        if self.command:
            return self._run(place, 0).result
        native = run(place.suite, farm=False)
        assert native.ids, native
        return native

    def _one(self, place: Place, number: int, native: Result) -> None:
        try:
            injected = self._run(place, number)
        except Hang as hang:
            self._note(number, "?", f"HANG {hang}")
            return
        if injected.fired == 0:
            with self._lock:
                self.missed += 1
            return
        verdict = injected.judge(native)
        left = place.left(native) if self.scene.keeps and not self.command else []
        result = injected.result
        text = ""
        if left or not verdict:
            text = (
                f"{injected.where}: status {result.status}, {len(result.ids or ())} ids, "
                f"errors {[n for n, _ in result.errors]}, left {left}\n"
                f"{injected.reports[:3000]}\n{result.out[-800:]}\n{result.err[-1500:]}"
            )
        elif self.options.verbose:
            print(injected.where, "->", verdict, result.err.strip()[-150:], flush=True)
        # A process that is killed at that moment has written nothing.
        kind = injected.where.split()[1] if injected.where else "?"
        self._note(number, kind, text, verdict)

    def _note(self, number: int, kind: str, text: str, verdict: str = "") -> None:
        with self._lock:
            self.missed = 0
            self.outcomes[kind, "BAD" if text else verdict] += 1
            if text:
                self.bad += 1
                print(f"-- {self.role} {number}: {text}", flush=True)
            elif self.outcomes.total() % 100 == 0:
                print(f"{self.role} {number}: {self.outcomes.total()} faults", flush=True)

    def _work(self) -> None:
        with self._lock:
            self._count += 1
            folder = self.folder / str(self._count)
        place = Place(folder, self.scene, self.library)
        with place.server:
            native = self._expected(place)
            while (number := self._take()) is not None:
                self._one(place, number, native)
        shutil.rmtree(folder)

    def run(self) -> None:
        """All of them, by as many threads as jobs."""
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for done in [pool.submit(self._work) for _ in range(self.options.jobs)]:
                done.result()

    def rows(self, scene: str) -> list[str]:
        """A row of the table for each kind of call."""
        rows = []
        for kind in sorted({kind for kind, _ in self.outcomes}):
            counts = {what: n for (k, what), n in sorted(self.outcomes.items()) if k == kind}
            done = ", ".join(f"{n} {what}" for what, n in counts.items())
            who = " ".join(self.command) or self.role
            rows.append(f"{scene:10} {who:24} {kind:6} {sum(counts.values()):6} faults: {done}")
        return rows


def main() -> int:
    """Parse, sweep, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--scenes", default=",".join(SCENES))
    parser.add_argument("--roles", default=",".join(ROLES))
    parser.add_argument(
        "--commands",
        default=",".join(dict.fromkeys(command[0] for command in COMMANDS)),
        help="of the scene of that name",
    )
    parser.add_argument("--kinds", default="any", help=f"joined by +: {', '.join(KINDS)}")
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--to", dest="last", type=int, default=1 << 30)
    parser.add_argument("--on", action="store_true", help="all calls from the n-th on fail")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    scenes, roles = options.scenes.split(","), options.roles.split(",")
    if unknown := {*scenes} - {*SCENES} | {*roles} - {*ROLES}:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    become_subreaper()
    bad = 0
    rows = []
    with tempfile.TemporaryDirectory(prefix="fcm-sweep-") as folder:
        temporary = Path(folder, "tmp")
        temporary.mkdir()
        os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
        library = build(Path(folder))
        before = Leftovers.now(temporary)
        for name in scenes:
            scene = SCENES[name]
            chosen = [one for one in COMMANDS if one[0] in options.commands.split(",")]
            for command in chosen if name == "commands" else [()]:
                for role in [role for role in scene.roles if role in roles]:
                    began = time.monotonic()
                    sweep = Sweep(options, scene, role, library, Path(folder, "places"), command)
                    sweep.run()
                    for _ in reap_adopted():
                        pass
                    left = Leftovers.more_than(before, temporary)
                    bad += sweep.bad + len(left)
                    for text in left:
                        print(f"-- left: {text}")
                    rows += sweep.rows(name)
                    rows.append(
                        f"{name:10} {role:24} left behind: {len(left) or 'nothing'} "
                        f"({time.monotonic() - began:.0f} s)"
                    )
                    print("\n".join(rows[-8:]), flush=True)
    print("\n".join(["", *rows]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
