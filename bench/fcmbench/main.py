"""The command line of bench/run."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fcmbench import files, machine, page, peers, results, rounds, scenarios, smoke
from fcmbench.measure import Sample
from fcmbench.results import Peer, Result, Results
from fcmbench.suites import SUITES, Suite, Unavailable, get

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parent
RESULTS = HERE / "results"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be measured: None stands for what the suite itself says."""

    scenarios: Sequence[str] | None
    without: Sequence[str]
    workers: str
    rounds: int | None
    work: Path


def measure_suite(suite: Suite, wish: Wish) -> Results:
    """Measure one suite, printing a line for each run."""
    every = wish.scenarios or suite.scenarios or scenarios.NAMES
    names = tuple(one for one in every if one not in wish.without)
    wanted = wish.rounds or suite.rounds
    fewer = wish.rounds or suite.fewer
    host = machine.here(suite.package)

    def say(name: str, sample: Sample) -> None:
        print(
            f"  {suite.name:18} {name:22} {sample.wall:8.2f} s  CPU {sample.cpu:8.2f} s  "
            f"{sample.tests:8} tests  status {sample.status}",
            flush=True,
        )

    with tempfile.TemporaryDirectory(dir=wish.work, prefix="manifests-") as scratch:
        plan = scenarios.plan(suite, names, wish.workers, Path(scratch))
        measured = rounds.measure(plan, wanted, fewer, say)
        durations = files.durations(suite.name, plan.manifest, host)
    found = []
    for one in plan.scenarios:
        native, plugin, reference = rounds.of(measured, one)
        result = Result(suite.name, one.name, one.workers, native, plugin, reference, host)
        found.append(result)
        print(f"{suite.name} {one.name}: ratio {result.ratio():.2f}, CPU x{result.cpu():.2f}")
        if not result.same():
            print(f"  NOT THE SAME: native {native[-1].status} {native[-1].summary!r}")
            print(f"    with plugin {plugin[-1].status} {plugin[-1].summary!r}", flush=True)
    return Results(found, [durations] if durations else [])


def say_peer(peer: Peer) -> None:
    """Print a line."""
    took = ", ".join(f"{one:.2f}" for one in peer.seconds)
    print(
        f"  {peer.suite:18} {peer.name} {peer.version} ({peer.mode}): {took} s, {peer.found} tests, "
        f"same {peer.same}; {peer.reason}",
        flush=True,
    )


def keep(target: Path, fresh: Results) -> None:
    """Add to the results at once: a long measuring may be ended."""
    results.save(target, results.load(target).merged(fresh))


def main() -> int:
    """Parse the arguments, measure, write the results and the page."""
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument(
        "suites", nargs="*", help=f"default networkx; all, or of: {', '.join(SUITES)}"
    )
    parser.add_argument("--scenario", action="append", choices=scenarios.NAMES, help="default: all")
    parser.add_argument(
        "--without", action="append", choices=scenarios.NAMES, default=[], help="all but this one"
    )
    parser.add_argument("--workers", default="2")
    parser.add_argument("--rounds", type=int, help="default: by suite, 1 to 5")
    parser.add_argument(
        "--peers", action="store_true", help="measure other tools on the suites instead"
    )
    parser.add_argument(
        "--peer", action="append", choices=peers.NAMES, help="with --peers: only this one"
    )
    parser.add_argument(
        "--page", action="store_true", help="only make the page of the results that are there"
    )
    parser.add_argument(
        "--results", type=Path, default=RESULTS / "latest.json", help="file to add results to"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench", help="for suites")
    parser.add_argument(
        "--smoke", action="store_true", help="small suites, ratios against recorded ones"
    )
    parser.add_argument("--record", action="store_true", help="with --smoke: record the ratios")
    options = parser.parse_args()
    work: Path = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if options.smoke:
        return smoke.check(work, RESULTS / "smoke.json", options.record)
    target: Path = options.results.resolve()
    bad = 0
    if not options.page:
        wish = Wish(options.scenario, options.without, options.workers, options.rounds, work)
        names = options.suites or ["networkx"]
        for name in list(SUITES) if names == ["all"] else names:
            try:
                suite = get(name, work)
            except Unavailable as why:
                print(f"{name}: left out: {why}", flush=True)
                bad += 1
                continue
            if options.peers:
                wanted = options.rounds or suite.fewer
                for peer in peers.measure_suite(suite, work, options.peer, wanted):
                    say_peer(peer)
                    keep(target, Results(peers=[peer]))
            else:
                fresh = measure_suite(suite, wish)
                bad += sum(not one.same() for one in fresh.measured)
                keep(target, fresh)
    written = page.write(results.load(target), target.parent)
    print(f"results: {target}; page: {written}")
    return 1 if bad else 0
