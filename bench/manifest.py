#!/usr/bin/env python3
"""What the manifest has to reach, in one table: `bench/manifest.py [LINE]...`, all lines without arguments.

Lines: warm-pandas, warm-networkx, warm-networkx-alone (in an environment that has nothing but networkx and pytest, which its
conftest then needn't import), warm-sympy, keyword, list, build, size, mutations, kills. Each ratio is one of whole processes
in alternation (`--rounds`). Needs an environment with the package, the suites and, for `list`, cito, such as
build/bench-venv, that bench/run makes; `--cito` names another cito. Adds to bench/results/manifest.json and makes the page beside it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

from fastcollect_meta import binaries  # noqa: E402
from fcmbench import machine, measure  # noqa: E402
from fcmbench.measure import Sample  # noqa: E402
from fcmbench.suites import Suite, get  # noqa: E402

#: In the names of few of pandas' tests.
RARE = "no_segfault"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    goal: str
    measured: str
    reached: bool


class Bench:
    """Measures the lines, in a folder of its own.

    :param rounds: how often each pair is run.
    :param cito: the program.
    :param python: the interpreter that pytest runs in.
    """

    def __init__(
        self,
        scratch: Path,
        work: Path,
        rounds: int,
        cito: str | None,
        python: str = sys.executable,
    ) -> None:
        self._scratch = scratch
        self._work = work
        self._rounds = rounds
        self._cito = cito
        self._python = python

    def _suite(self, name: str) -> tuple[Suite, Path]:
        """A suite and its manifest, which is made where it is missing."""
        suite = get(name, self._work)
        manifest = self._scratch / f"{name}.manifest"
        if not manifest.exists():
            self._run(suite, self._plugin(suite, manifest))
        return suite, manifest

    def _native(self, suite: Suite, *args: str) -> list[str]:
        return [self._python, "-m", "pytest", *suite.options, *suite.listing, *args, *suite.args]

    def _plugin(self, suite: Suite, manifest: Path, *args: str) -> list[str]:
        ours = ("-p", "fastcollect_meta", "--workers=2", f"--manifest={manifest}")
        return self._native(suite, *ours, *args)

    @staticmethod
    def _run(suite: Suite, command: Sequence[str], cwd: Path | None = None) -> Sample:
        return measure.run(command, cwd or suite.cwd, suite.env, both=False)

    def _pairs(
        self, one: Callable[[], Sample], other: Callable[[], Sample]
    ) -> list[tuple[Sample, Sample]]:
        pairs = []
        for number in range(self._rounds):
            if number % 2:
                second = other()
                pairs.append((one(), second))
            else:
                pairs.append((one(), other()))
        return pairs

    def _compare(
        self, suite: Suite, native: Sequence[str], ours: Sequence[str], goal: float
    ) -> Line:
        """A ratio of native by ours, with lists that must be the same."""
        self._run(suite, ours)
        pairs = self._pairs(lambda: self._run(suite, native), lambda: self._run(suite, ours))
        ratio = statistics.median(n.wall / p.wall for n, p in pairs)
        same = all((n.digest, n.status) == (p.digest, p.status) for n, p in pairs)
        walls = " -> ".join(
            f"{statistics.median(samples):.2f}"
            for samples in ([n.wall for n, _ in pairs], [p.wall for _, p in pairs])
        )
        lists = f"{pairs[-1][0].tests} tests, the same" if same else "the lists DIFFER"
        return Line(
            f"{goal:g} times faster",
            f"{ratio:.2f} times ({walls} s; {lists})",
            same and ratio >= goal,
        )

    def warm(self, name: str, goal: float) -> Line:
        suite, manifest = self._suite(name)
        return self._compare(suite, self._native(suite), self._plugin(suite, manifest), goal)

    def alone(self, name: str, goal: float) -> Line:
        """`warm` in an environment that has the suite's package, pytest and ours, in the versions of this one, and no more."""
        folder = self._scratch / f"{name}-alone"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        python = str(folder / "bin" / "python")
        wanted = [
            f"{package}=={importlib.metadata.version(package)}" for package in (name, "pytest")
        ]
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
        subprocess.run([*pip, *wanted, str(ROOT)], check=True)
        return Bench(folder, self._work, self._rounds, None, python).warm(name, goal)

    def keyword(self) -> Line:
        suite, manifest = self._suite("pandas")
        native, ours = (
            self._native(suite, "-k", RARE),
            self._plugin(suite, manifest, "-k", RARE),
        )
        line = self._compare(suite, native, ours, 6)
        done = subprocess.run(
            ours,
            cwd=suite.cwd,
            env=measure.environment(suite.env),
            capture_output=True,
            text=True,
            check=False,
        )
        imported = " 0 imported here" in done.stdout
        measured = line.measured + ("; nothing imported" if imported else "; IMPORTS")
        return Line(
            "6 times faster, importing only what is selected", measured, line.reached and imported
        )

    def offline(self) -> Line:
        suite, manifest = self._suite("pandas")
        cito = self._cito or shutil.which("cito", path=str(Path(sys.executable).parent))
        program = binaries.coordinator()
        goal = "in at most the time of cito"
        if cito is None or program is None:
            return Line(goal, f"not measured: no {'cito' if program else 'coordinator'}", False)
        ours = [str(program), "list", "--manifest", str(manifest)]
        theirs = [cito, "collect", "."]
        native = self._run(suite, self._native(suite))
        self._run(suite, theirs, suite.files)
        pairs = self._pairs(
            lambda: self._run(suite, theirs, suite.files), lambda: self._run(suite, ours)
        )
        ours_s = statistics.median(p.wall for _, p in pairs)
        theirs_s = statistics.median(n.wall for n, _ in pairs)
        last = pairs[-1][1]
        same = last.digest == native.digest
        lists = "pytest's list" if same else "NOT pytest's list"
        measured = (
            f"{ours_s:.2f} s, checked, {last.tests} ids, {lists} (exit {last.status}); "
            f"cito {theirs_s:.2f} s for {pairs[-1][0].tests}"
        )
        return Line(goal, measured, same and ours_s <= theirs_s)

    def build(self) -> Line:
        suite, _ = self._suite("pandas")
        target = self._scratch / "built.manifest"
        program = binaries.coordinator()
        ours = [str(program), "build", "-o", str(target), "--workers=2", "--", *suite.options]

        def build() -> Sample:
            target.unlink(missing_ok=True)
            env = {**suite.env, "FASTCOLLECT_META_PYTHON": sys.executable}
            return measure.run([*ours, *suite.args], suite.cwd, env)

        pairs = self._pairs(lambda: self._run(suite, self._native(suite)), build)
        native_s = statistics.median(n.wall for n, _ in pairs)
        ours_s = statistics.median(p.wall for _, p in pairs)
        good = all(p.status == n.status for n, p in pairs)
        measured = f"{ours_s:.1f} s, native {native_s:.1f} s"
        return Line("build of pandas faster than native", measured, good and ours_s < native_s)

    def size(self) -> Line:
        _, manifest = self._suite("pandas")
        done = subprocess.run(
            [str(binaries.coordinator()), "list", "--manifest", str(manifest)],
            capture_output=True,
            check=False,
        )
        tests = done.stdout.count(b"\n")
        size = manifest.stat().st_size
        each = size / max(tests, 1)
        return Line(
            "at most 20 bytes a test on pandas", f"{each:.2f} ({size} for {tests})", each <= 20
        )

    def script(self, goal: str, *command: str) -> Line:
        """What a script of tests/faults says at its end."""
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        said = (done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or [""])[-1]
        return Line(goal, said, done.returncode == 0)


def lines(bench: Bench) -> dict[str, Callable[[], Line]]:
    """How each line is measured, by name."""
    faults = "tests/faults"
    return {
        "warm-pandas": lambda: bench.warm("pandas", 6),
        "warm-networkx": lambda: bench.warm("networkx", 4),
        "warm-networkx-alone": lambda: bench.alone("networkx", 4),
        "warm-sympy": lambda: bench.warm("sympy", 6),
        "keyword": bench.keyword,
        "list": bench.offline,
        "build": bench.build,
        "size": bench.size,
        "kills": lambda: bench.script(
            "1,000 writers killed, the manifest always whole", f"{faults}/kill_writers.py", "1000"
        ),
        "mutations": lambda: bench.script(
            "200 changes, each run as one without a manifest", f"{faults}/mutate_projects.py"
        ),
    }


def page(results: dict[str, dict[str, str]]) -> str:
    """The table of all lines that have been measured."""
    rows = [
        f"| {name} | {r['goal']} | {r['measured']} | {r['reached']} | {r['date']} |"
        for name, r in results.items()
    ]
    return "\n".join(
        [
            "# Goals of the manifest",
            "",
            "Made by `bench/manifest.py`.",
            "",
            "|  | goal | measured | reached | when |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def main() -> int:
    """Measure the lines that are named, or all."""
    known = lines(Bench(Path(), Path(), 0, None))
    parser = argparse.ArgumentParser(prog="bench/manifest.py", description=__doc__)
    parser.add_argument("line", nargs="*", help=f"of: {', '.join(known)}")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of a ratio (default 3)")
    parser.add_argument("--cito", help="the program cito")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench", help="for suites")
    options = parser.parse_args()
    unknown = set(options.line) - set(known)
    if unknown:
        parser.error(f"there is no line {', '.join(sorted(unknown))}")
    target = HERE / "results" / "manifest.json"
    results = json.loads(target.read_text()) if target.exists() else {}
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), options.work, options.rounds, options.cito)
        for name, measured in lines(bench).items():
            if options.line and name not in options.line:
                continue
            line = measured()
            good &= line.reached
            reached = "yes" if line.reached else "**no**"
            results[name] = {
                "goal": line.goal,
                "measured": line.measured,
                "reached": reached,
                "date": machine.here().date,
            }
            print(f"{name}: {line.measured}; goal: {line.goal}: {reached}", flush=True)
            target.write_text(json.dumps(results, indent=1) + "\n")
            target.with_suffix(".md").write_text(page(results))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
