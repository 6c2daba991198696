"""A small generated suite against recorded ratios: finds out whether the product has become slower, on any machine.

Ratios only: native by plugin, medians of rounds, of wall time and of CPU time, which other work on the machine disturbs
less. One that has fallen by more than a third is measured once more before it counts.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from fcmbench import machine, rounds, scenarios
from fcmbench.results import Result
from fcmbench.suites import get

SUITE = "gen-3000x50"
SCENARIOS = ("cold", "warm", "list")
ROUNDS = 5
RECORDINGS = 3
FALL = 1 / 3


def ratios(results: list[Result]) -> dict[str, float]:
    """The ratios by name; none of the offline list, whose 20 ms say little."""
    found = {}
    for one in results:
        if one.scenario == "list":
            continue
        found[f"{one.scenario} wall"] = statistics.median(one.ratios())
        found[f"{one.scenario} cpu"] = statistics.median(one.ratios(lambda sample: sample.cpu))
    return {name: round(ratio, 3) for name, ratio in found.items()}


def fallen(now: dict[str, float], recorded: dict[str, float]) -> list[str]:
    """Names of ratios that are lower than recorded by more than a third, or that are missing."""
    return [name for name, ratio in recorded.items() if now.get(name, 0.0) < ratio * (1 - FALL)]


def best(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    """The higher of two measurements, for each ratio."""
    return {name: max(ratio, second.get(name, 0.0)) for name, ratio in first.items()}


def lowest(recordings: list[dict[str, float]]) -> dict[str, float]:
    """The lowest of several measurements, for each ratio."""
    return {name: min(one[name] for one in recordings) for name in recordings[0]}


def measure(work: Path) -> list[Result]:
    """The small suite in its scenarios."""
    suite = get(SUITE, work)
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        plan = scenarios.plan(suite, SCENARIOS, "2", Path(scratch))
        done = rounds.measure(plan, ROUNDS, ROUNDS)
    host = machine.here()
    return [
        Result(suite.name, one.name, one.workers, *rounds.of(done, one), host)
        for one in plan.scenarios
    ]


def differing(results: list[Result]) -> list[str]:
    """Scenarios in which the plugin listed something else than pytest; says what."""
    bad = [one for one in results if not one.same() or not one.tests()]
    for one in bad:
        native, plugin = one.native[-1], one.plugin[-1]
        print(f"{one.scenario}: NOT THE SAME LIST: {native.status} {native.summary!r}")
        print(f"  with the plugin: {plugin.status} {plugin.summary!r}")
    return [one.scenario for one in bad]


def check(work: Path, file: Path, record: bool) -> int:
    """Measure, and compare with what `file` holds. Exit status 1 if a list differs or a ratio fell.

    :param record: write `file` instead: the lowest ratios of several measurements.
    """
    results = measure(work)
    if differing(results):
        return 1
    now = ratios(results)
    if record:
        more = [ratios(measure(work)) for _ in range(RECORDINGS - 1)]
        file.write_text(json.dumps(lowest([now, *more]), indent=1) + "\n")
        return 0
    recorded: dict[str, float] = json.loads(file.read_text())
    if low := fallen(now, recorded):
        print(f"low, measuring once more: {', '.join(f'{name} {now[name]}' for name in low)}")
        results = measure(work)
        if differing(results):
            return 1
        now = best(now, ratios(results))
    low = fallen(now, recorded)
    for name, ratio in recorded.items():
        print(
            f"{name:12} {now.get(name, 0.0):6.2f} times, at least {ratio * (1 - FALL):.2f}: "
            f"{'FELL' if name in low else 'ok'}"
        )
    return 1 if low else 0
