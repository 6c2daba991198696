"""Countdown faults: lets each call that our C code makes of the system fail, one after the other, a whole run for each.

    script/sweep [--roles coordinator,worker] [--kinds any] [--step N] [--from N] [--warm] [--on] [--jobs N]

Every run has to end with the native result or a clear error: no crash, no hang, no report of a sanitizer, no process
and no temporary file left. Ends with a table of roles; exit status 0 if nothing else was seen.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from faultruns import Hang, reap_adopted, run, write_suite
from injection import KINDS, ROLES, Fault, build, run_with
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


class Sweep:
    """One role's sweep over the n-th call."""

    def __init__(self, options: argparse.Namespace, role: str, library: Path, place: Path) -> None:
        self.options = options
        self.role = role
        self.library = library
        self.place = place
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.bad: list[str] = []
        self.missed = 0
        self._lock = threading.Lock()
        self._next = options.first
        self._folders = threading.local()
        self._count = 0
        native = self._folder()
        self.native = run(native, farm=False)
        assert self.native.ids, self.native

    def _folder(self) -> Path:
        """A folder with the suite: one for each thread, so that its node ids are everywhere the same."""
        if not hasattr(self._folders, "path"):
            with self._lock:
                self._count += 1
                path = self.place / f"{self.role}{self._count}" / "suite"
            path.mkdir(parents=True)
            write_suite(path, {"test_a.py": MODULE, "test_b.py": MODULE}, healthy=0)
            if self.options.warm:
                self._warm(path)
            self._folders.path = path
        return self._folders.path  # type: ignore[no-any-return]

    def _warm(self, path: Path) -> None:
        run_with(self.library, Fault("worker", "any", 0), path, keep_cache=True, limit=200)

    def _take(self) -> int | None:
        with self._lock:
            if self.missed >= _MISSED or self._next > self.options.last:
                return None
            number = self._next
            self._next += self.options.step
            return number

    def _one(self, number: int) -> None:
        folder = self._folder()
        cache = folder / ".pytest_cache"
        if not self.options.warm:
            shutil.rmtree(cache, ignore_errors=True)
        kept = folder.parent / "cache"
        if self.options.warm and not kept.exists():
            shutil.copytree(cache, kept)
        if self.options.warm:
            shutil.rmtree(cache, ignore_errors=True)
            shutil.copytree(kept, cache)
        fault = Fault(self.role, self.options.kinds, number, self.options.on)
        try:
            injected = run_with(self.library, fault, folder, keep_cache=True, limit=120)
        except Hang as hang:
            self._note(number, "", f"{fault}: HANG {hang}")
            return
        if injected.fired == 0:
            with self._lock:
                self.missed += 1
            return
        verdict = injected.judge(self.native)
        left = (
            [name for name in os.listdir(cache / "d" / "fastcollect-meta") if name.endswith(".tmp")]
            if (cache / "d" / "fastcollect-meta").exists()
            else []
        )
        if left:
            verdict = ""
        text = ""
        if not verdict:
            result = injected.result
            text = (
                f"{injected.where}: status {result.status}, {len(result.ids or ())} ids, "
                f"errors {[n for n, _ in result.errors]}, left {left}\n"
                f"{injected.reports[:3000]}\n{result.out[-800:]}\n{result.err[-1500:]}"
            )
        elif self.options.verbose:
            print(injected.where, "->", verdict, injected.result.err.strip()[-150:], flush=True)
        self._note(number, verdict, text)

    def _note(self, number: int, verdict: str, text: str) -> None:
        with self._lock:
            self.missed = 0
            self.outcomes[verdict or "BAD"] += 1
            if not verdict:
                self.bad.append(text)
                print(f"-- {text}", flush=True)
            elif sum(self.outcomes.values()) % 100 == 0:
                print(f"{self.role} {number}: {dict(self.outcomes)}", flush=True)

    def _work(self) -> None:
        while (number := self._take()) is not None:
            self._one(number)

    def run(self) -> None:
        """All of them, by as many threads as jobs."""
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for done in [pool.submit(self._work) for _ in range(self.options.jobs)]:
                done.result()


def main() -> int:
    """Parse, sweep, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--roles", default="coordinator,zygote,worker,main")
    parser.add_argument("--kinds", default="any", help=f"joined by +: {', '.join(KINDS)}")
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--to", dest="last", type=int, default=1 << 30)
    parser.add_argument("--warm", action="store_true", help="with a manifest that is there already")
    parser.add_argument("--on", action="store_true", help="all calls from the n-th on fail")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    become_subreaper()
    bad = 0
    rows = []
    with tempfile.TemporaryDirectory(prefix="fcm-sweep-") as place:
        temporary = Path(place, "tmp")
        temporary.mkdir()
        os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
        library = build(Path(place))
        before = Leftovers.now(temporary)
        for role in options.roles.split(","):
            if role not in ROLES:
                parser.error(f"no role is called {role}")
            began = time.monotonic()
            sweep = Sweep(options, role, library, Path(place))
            sweep.run()
            for _ in reap_adopted():
                pass
            left = Leftovers.more_than(before, temporary)
            bad += len(sweep.bad) + len(left)
            for text in left:
                print(f"-- left: {text}")
            done = ", ".join(f"{n} {name}" for name, n in sorted(sweep.outcomes.items()))
            rows.append(
                f"{role:12} {sum(sweep.outcomes.values()):6} faults: {done or 'none'}; "
                f"left behind: {len(left) or 'nothing'} ({time.monotonic() - began:.0f} s)"
            )
    print("\n".join(rows))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
