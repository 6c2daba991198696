"""What has to be reached, what is hoped for, and what the results say of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from fcmbench.results import Result, Results


@dataclass(frozen=True, slots=True)
class Verdict:
    """A measured figure as text, and whether goal and moonshot are reached (None: there is no moonshot)."""

    measured: str
    reached: bool
    moonshot: bool | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table. `name` is also its section's heading in reasons.md."""

    name: str
    goal: str
    moonshot: str
    judge: Callable[[Results], Verdict | None]


def _ratio(suite: str, scenario: str, goal: float, moonshot: float | None = None) -> Goal:
    def judge(results: Results) -> Verdict | None:
        found = results.find(suite, scenario)
        if found is None:
            return None
        ratio = round(found.ratio(), 2)
        return Verdict(
            f"{ratio:.2f} times ({_walls(found)})",
            ratio >= goal,
            None if moonshot is None else ratio >= moonshot,
        )

    hoped = "" if moonshot is None else f"{moonshot:g} times"
    return Goal(f"{_TITLES[scenario]}, {suite}", f"{goal:g} times faster", hoped, judge)


def _warm(suite: str) -> Goal:
    """5 times faster, or within 0.3 s of what the same folder costs without tests."""

    def judge(results: Results) -> Verdict | None:
        found = results.find(suite, "warm")
        if found is None:
            return None
        text = f"{found.ratio():.2f} times ({_walls(found)})"
        reached = round(found.ratio(), 2) >= 5
        if found.reference:
            above = statistics.median(
                p.wall - empty.wall for p, empty in zip(found.plugin, found.reference, strict=True)
            )
            text += f"; {above:+.2f} s against the folder without tests"
            reached |= round(above, 2) <= 0.3
        return Verdict(text, reached)

    goal = "5 times faster, or within 0.3 s of the same folder without tests"
    return Goal(f"warm, {suite}", goal, "", judge)


_TITLES = {"warm": "warm", "cold": "cold, 2 workers"}


def _walls(result: Result) -> str:
    native = statistics.median(one.wall for one in result.native)
    plugin = statistics.median(one.wall for one in result.plugin)
    return f"{native:.2f} -> {plugin:.2f} s"


def _worst(
    name: str,
    goal: str,
    scenarios: tuple[str, ...],
    figure: Callable[[Result], float | None],
    limit: float,
    show: Callable[[float], str],
) -> Goal:
    """A goal for all suites: a figure that must not be above `limit` anywhere.

    Says for how many it isn't, and where it is, the worst first; or the worst.
    """

    def judge(results: Results) -> Verdict | None:
        seen = []
        for one in results.measured:
            if one.scenario in scenarios and (value := figure(one)) is not None:
                value = round(value, 4)
                which = f"{one.suite} ({one.scenario})" if len(scenarios) > 1 else one.suite
                seen.append((value, which))
        if not seen:
            return None
        seen.sort(reverse=True)
        above = [one for one in seen if one[0] > limit]
        text = ", ".join(f"{which} {show(value)}" for value, which in above or seen[:1])
        return Verdict(f"{len(seen) - len(above)} of {len(seen)}; {text}", not above)

    return Goal(name, goal, "", judge)


def _first_test(result: Result) -> float:
    """The plugin's time to the first test by native's."""
    return 1 / statistics.median(result.ratios(lambda sample: sample.first_output))


def _coordinator(result: Result) -> float | None:
    """The coordinator's CPU time by the run's wall time."""
    shares = [
        one.coordinator_cpu / one.wall for one in result.plugin if one.coordinator_cpu is not None
    ]
    return statistics.median(shares) if shares else None


def _edited(results: Results) -> Verdict | None:
    found = results.find("pandas", "edited")
    if found is None or not found.reference:
        return None
    times = statistics.median(
        p.wall / warm.wall for p, warm in zip(found.plugin, found.reference, strict=True)
    )
    edited = statistics.median(one.wall for one in found.plugin)
    warm = statistics.median(one.wall for one in found.reference)
    return Verdict(f"{times:.2f} times ({warm:.2f} -> {edited:.2f} s)", round(times, 2) <= 1.2)


def _memory(results: Results) -> Verdict | None:
    found = [one for name in ("cold", "warm") if (one := results.find("pandas", name))]
    if not found:
        return None
    texts, shares = [], []
    for one in found:
        native = statistics.median(sample.main_peak for sample in one.native)
        plugin = statistics.median(sample.main_peak for sample in one.plugin)
        shares.append(plugin / native)
        texts.append(f"{one.scenario} {native:.0f} -> {plugin:.0f} MiB")
    return Verdict("; ".join(texts), max(shares) <= 1, max(shares) <= 0.5)


def exponent(small: tuple[int, float], large: tuple[int, float]) -> float:
    """The power of the number of tests with which time grows, of two (tests, seconds): 1 is linear."""
    return math.log(large[1] / small[1]) / math.log(large[0] / small[0])


def _growth(results: Results) -> Verdict | None:
    texts, powers = [], []
    for scenario in ("cold", "warm"):
        found = [
            one
            for name in ("gen-100000x1000", "gen-1000000x1000")
            if (one := results.find(name, scenario))
        ]
        if len(found) < 2:
            return None
        for side in ("native", "plugin") if scenario == "cold" else ("plugin",):
            small, large = (
                (one.tests(), statistics.median(sample.wall for sample in getattr(one, side)))
                for one in found
            )
            power = exponent(small, large)
            if side == "plugin":
                powers.append(power)
            texts.append(f"{scenario if side == 'plugin' else 'native'} {power:.2f}")
    return Verdict(
        "time grows with the power of tests: " + ", ".join(texts), round(max(powers), 2) <= 1.05
    )


def _exact(results: Results) -> Verdict | None:
    if not results.measured:
        return None
    bad = [f"{one.suite} {one.scenario}" for one in results.measured if not one.same()]
    text = f"{len(results.measured) - len(bad)} of {len(results.measured)}"
    if said := [one.suite for one in results.measured if one.says_so()]:
        text += f"; the offline list leaves something out, and says so: {', '.join(said)}"
    return Verdict(text + (f"; not {', '.join(bad)}" if bad else ""), not bad)


def _peers(results: Results) -> Verdict | None:
    """Of those that list exactly what pytest lists, our warm run and list have to be the fastest."""
    texts, reached = [], True
    for suite in dict.fromkeys(one.suite for one in results.peers):
        exact = [one for one in results.peers if one.suite == suite and one.same and one.seconds]
        ours = [one for one in exact if one.name == OURS]
        others = [one for one in exact if one.name != OURS]
        if not ours or not others:
            continue
        mine = min(ours, key=lambda one: min(one.seconds))
        best = min(others, key=lambda one: min(one.seconds))
        a, b = statistics.median(mine.seconds), statistics.median(best.seconds)
        reached &= a < b
        texts.append(f"{suite} {a:.2f} s, next {best.name} ({best.mode}) {b:.2f} s")
    return Verdict("; ".join(texts), reached) if texts else None


OURS = "fastcollect_meta"

GOALS = (
    _ratio("pandas", "warm", 8, 15),
    *(_warm(suite) for suite in ("networkx", "sympy", "numpy", "scikit-learn")),
    *(_ratio(suite, "cold", 1.8, 2.2) for suite in ("pandas", "sympy", "scikit-learn")),
    *(_ratio(suite, "cold", 1.5) for suite in ("networkx", "pytest")),
    _worst(
        "0 workers, cold",
        "not slower than native",
        ("cold-0",),
        lambda result: 1 / result.ratio(),
        1.0,
        lambda value: f"{value:.2f}",
    ),
    _worst(
        "CPU of a cold run",
        "at most 1.15 times native",
        ("cold",),
        lambda result: result.cpu(),
        1.15,
        lambda value: f"{value:.2f}",
    ),
    Goal("one file edited, pandas", "at most 1.2 times the warm run", "", _edited),
    _worst(
        "whole run, total time",
        "at most 1.02 times native",
        ("run", "run-warm"),
        lambda result: 1 / result.ratio(),
        1.02,
        lambda value: f"{value:.3f}",
    ),
    _worst(
        "whole run, first test",
        "at most half as late as native",
        ("run", "run-warm", "run-late"),
        _first_test,
        0.5,
        lambda value: f"{value:.2f}",
    ),
    Goal("peak memory of main, pandas", "at most native's", "half", _memory),
    _worst(
        "coordinator's own CPU",
        "under 1 % of the run",
        ("cold", "cold-1"),
        _coordinator,
        0.01,
        lambda value: f"{100 * value:.2f} %",
    ),
    Goal("growth", "linear in tests up to 1,000,000 (power at most 1.05)", "", _growth),
    Goal("same lists", "in every scenario", "", _exact),
    Goal("peers", "ahead of every one that lists what pytest lists", "", _peers),
)
