"""The command line of bench/run."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fcmbench import report
from fcmbench.measure import Sample
from fcmbench.report import Result
from fcmbench.scenarios import NAMES, Pair, scenario
from fcmbench.suites import SUITES, Unavailable, get

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parent


def measure_pair(pair: Pair, repeats: int) -> tuple[list[Sample], list[Sample]]:
    """`repeats` pairs of samples; which side comes first changes from pair to pair.

    One run of each is not counted: it writes .pyc files and warms the page cache.
    """
    pair.before()
    pair.native.run()
    native, plugin = [], []
    for index in range(repeats):
        first_native = index % 2 == 0
        for side_is_native in (first_native, not first_native):
            pair.before()
            if side_is_native:
                native.append(pair.native.run())
            else:
                plugin.append(pair.plugin.run())
    return native, plugin


def measure_all(
    suites: Sequence[str], scenarios: Sequence[str], workers: str, repeats: int, work: Path
) -> list[Result]:
    """Measure each suite in each scenario, printing a line as each is done."""
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for suite_name in suites:
            try:
                suite = get(suite_name, work)
            except Unavailable as why:
                print(f"{suite_name}: left out: {why}", flush=True)
                continue
            for name in scenarios:
                with scenario(name, suite, workers, Path(scratch)) as pair:
                    if pair is None:
                        continue
                    native, plugin = measure_pair(pair, repeats)
                count = name[-1] if name in ("cold-0", "cold-1") else workers
                result = Result(suite_name, name, count, native, plugin)
                results.append(result)
                print(report.table([result]).splitlines()[-1], flush=True)
                if not result.same():
                    print(f"  native: {native[-1].status} {native[-1].summary!r}")
                    print(f"  plugin: {plugin[-1].status} {plugin[-1].summary!r}")
    return results


def smoke(work: Path, record: bool) -> int:
    """Small suites, ratios only. Exit status 1 if a list differs or a ratio fell by more than a third."""
    results = measure_all(["gen-3000x50"], ["cold", "warm"], "2", 3, work)
    now = {f"{r.suite} {r.scenario}": round(statistics.median(r.ratios()), 3) for r in results}
    file = HERE / "results" / "smoke.json"
    if record:
        file.write_text(json.dumps(now, indent=1) + "\n")
        return 0
    before: dict[str, float] = json.loads(file.read_text()) if file.exists() else {}
    bad = [r for r in results if not r.same()]
    for name, ratio in now.items():
        floor = before.get(name, 0.0) * 2 / 3
        fell = ratio < floor
        print(f"{name}: ratio {ratio:.2f}, at least {floor:.2f}: {'FELL' if fell else 'ok'}")
        if fell:
            return 1
    return 1 if bad else 0


def main() -> int:
    """Parse the arguments, measure, write the results."""
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument(
        "suites", nargs="*", help=f"default networkx; all, or of: {', '.join(SUITES)}"
    )
    parser.add_argument("--scenario", action="append", choices=NAMES, help="default cold and warm")
    parser.add_argument("--all-scenarios", action="store_true")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--repeats", type=int, default=5, help="pairs (default 5)")
    parser.add_argument("--out", default="latest", help="name below bench/results (default latest)")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench", help="for suites")
    parser.add_argument(
        "--smoke", action="store_true", help="small suites, ratios against recorded ones"
    )
    parser.add_argument("--record", action="store_true", help="with --smoke: record the ratios")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.smoke:
        return smoke(options.work, options.record)
    suites = options.suites or ["networkx"]
    if suites == ["all"]:
        suites = list(SUITES)
    scenarios = NAMES if options.all_scenarios else options.scenario or ["cold", "warm"]
    fresh = measure_all(suites, scenarios, options.workers, options.repeats, options.work)
    target = HERE / "results" / f"{options.out}.json"
    replaced = {(r.suite, r.scenario, r.workers) for r in fresh}
    kept = [r for r in report.load(target) if (r.suite, r.scenario, r.workers) not in replaced]
    results = kept + fresh
    report.save(target, results)
    target.with_suffix(".md").write_text(report.page(results))
    print(f"\n{report.table(results)}\n\nwritten: {target} and its .md")
    return 0 if all(result.same() for result in fresh) else 1
