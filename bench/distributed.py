"""What pytest-xdist's workers cost with and without the plugin: collection's CPU, the first test, memory.

bench/distributed.py [--runs N] [--whole] [-n N] [--dist D] [--record] NAME=PYTEST-ARGUMENTS...

    bench/distributed.py "networkx=--pyargs networkx" "frame=--pyargs pandas.tests.frame"

In alternation: plain pytest-xdist, the plugin without a manifest (cold), the plugin with the manifest of that run (warm). A run ends after its
first test, unless --whole is given. Prints the median of each figure; --record keeps them in bench/results/distributed.json and
makes distributed.md there:

    collection   CPU seconds of collection (all of pytest_collection): of all workers, of the controller's preparation and of the farm
    - conftests  the same without what loading conftests took in the workers meanwhile, which they need whoever collects
    total        CPU seconds of all processes to the end of the run
    first test   seconds from the start of the command to the first test of any worker
    peak         MiB, of the worker that needs most, to the end of collection and to the end of the run
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from fcmbench.machine import here as machine_here
from fcmbench.reasons import sections

HERE = Path(__file__).resolve().parent
PAGE = """# With pytest-xdist

Made by `bench/distributed.py --record`, whose head says what each row is. Medians; seconds of CPU, MiB. The goals: `collection` at
least 40 % lower cold, 80 % lower warm. Its samples are in [distributed.json](distributed.json).
"""
RESULTS = HERE / "results"
WAYS = ("plain", "cold", "warm")
ROWS = ("collection", "- conftests", "total", "first test", "peak collected", "peak")


def run(arguments: list[str], folder: Path, whole: bool) -> dict[str, float]:
    """Figures of one run by the names of ROWS, and the number of tests."""
    with tempfile.TemporaryDirectory() as out:
        env = {**os.environ, "FCM_BENCH_OUT": out, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), env.get("PYTHONPATH")]))
        if not whole:
            env["FCM_BENCH_STOP"] = "1"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "xdist",
            "-p",
            "fcmbench.xdist_probe",
            "-q",
        ]
        began = time.time()
        done = subprocess.run(
            [*command, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        seen = {path.stem: json.loads(path.read_text()) for path in Path(out).iterdir()}
    workers = [figures for name, figures in seen.items() if name != "controller"]
    if not workers or not any("first" in figures for figures in workers):
        sys.exit(f"no test ran: pytest {shlex.join(arguments)}\n{done.stdout}{done.stderr}")
    for line in done.stdout.splitlines():
        if line.startswith("fastcollect-meta: "):
            print(f"    {line}", file=sys.stderr)
    collection = sum(figures.get("collection", 0.0) for figures in seen.values())
    return {
        "collection": collection,
        "- conftests": collection - sum(figures.get("conftests", 0.0) for figures in workers),
        # the controller's children: the farm; its workers are counted in its own figure as well
        "total": seen["controller"]["cpu"],
        "first test": min(figures["first"] for figures in workers if "first" in figures) - began,
        "peak collected": max(figures["peak_collected"] for figures in workers),
        "peak": max(figures["peak"] for figures in workers),
        "tests": workers[0]["tests"],
    }


def measure(name: str, arguments: list[str], options: argparse.Namespace) -> None:
    """Run one suite in all ways and print the table."""
    samples: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as scratch:
        manifest = Path(scratch) / "manifest"
        common = ["-p", "no:cacheprovider", f"-n{options.n}", f"--dist={options.dist}", *arguments]
        plugin = ["-p", "fastcollect_meta", f"--workers={options.workers}"]
        plugin.append(f"--manifest={manifest}")
        for _ in range(options.runs):
            for way, taken in samples.items():
                if way == "cold":
                    manifest.unlink(missing_ok=True)
                before = [] if way == "plain" else plugin
                taken.append(run([*before, *common], Path(scratch), options.whole))
    tests = int(samples["plain"][0]["tests"])
    title = f"{name}: {tests} tests, -n {options.n} --dist {options.dist}, {options.runs} runs each"
    print(title)
    table = rows(samples)
    for line in table:
        print(f"  {line}")
    if options.record:
        record(name, {"title": title, "arguments": shlex.join(arguments), "samples": samples})


def rows(samples: dict[str, list[dict[str, float]]]) -> list[str]:
    """The table's lines: medians, and their change against plain pytest-xdist."""
    lines = [f"{'':16}{'plain':>10}{'cold':>10}{'':8}{'warm':>10}"]
    for row in ROWS:
        plain, cold, warm = (
            statistics.median(sample[row] for sample in samples[way]) for way in WAYS
        )
        lines.append(
            f"{row:16}{plain:10.2f}{cold:10.2f} {cold / plain - 1:+6.0%} "
            f"{warm:10.2f} {warm / plain - 1:+6.0%}"
        )
    return lines


def record(name: str, measured: dict[str, Any]) -> None:
    """Keep what was measured of a suite, and write the page of all."""
    path = RESULTS / "distributed.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    machine = machine_here("pytest", "pytest-xdist", "networkx", "pandas")
    results[name] = {**measured, "machine": dataclasses.asdict(machine)}
    path.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    (RESULTS / "distributed.md").write_text(page(results))


def page(results: dict[str, Any]) -> str:
    """The page of all that has been measured."""
    parts = [PAGE]
    for one in results.values():
        cpu = one["machine"]["cpu"]
        parts.append(f"## {one['title']}\n\n`pytest {one['arguments']}`; {cpu}\n")
        parts.append("\n".join(f"    {line}".rstrip() for line in rows(one["samples"])) + "\n")
    reason = sections(RESULTS / "reasons.md")["with pytest-xdist, cold"]
    return "\n".join([*parts, f"## Why cold misses its goal\n\n{reason}\n"])


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suites", nargs="+", metavar="NAME=PYTEST-ARGUMENTS")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help="run all tests")
    parser.add_argument("--record", action="store_true", help="keep it in bench/results")
    parser.add_argument("--workers", default="2", help="of the farm")
    parser.add_argument("--dist", default="loadfile")
    parser.add_argument("-n", default="2")
    options = parser.parse_args()
    for suite in options.suites:
        name, _, arguments = suite.partition("=")
        measure(name, shlex.split(arguments), options)


main()
