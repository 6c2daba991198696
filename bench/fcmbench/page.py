"""The page: everything that the results say, as Markdown with plots."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from fcmbench import model, plots, reasons
from fcmbench.goals import GOALS
from fcmbench.measure import Sample
from fcmbench.results import Result, Results
from fcmbench.scenarios import NAMES
from fcmbench.suites import SUITES

_INTRODUCTION = """\
# Results

Made by `bench/run` out of [latest.json](latest.json), which has every sample. Whole processes, measured in rounds: in each
every command is run once, the order turns around from round to round, and a ratio is native by plugin of the same round.
Medians. `.pyc` files and page cache are warm, but in pyc-cold, where every module is compiled. CPU is that of all processes
together. Every run's list is compared with native's of the same round (`same`)."""

_HINTS = {
    "cold": "no manifest yet",
    "cold-1": "the same with one worker",
    "cold-0": "the same without workers",
    "warm": "everything remembered",
    "edited": "one file changed since",
    "keyword": "warm, `-k`",
    "id": "warm, one node id",
    "list": "`fastcollect-meta list`",
    "pyc-cold": "no manifest and no .pyc files",
    "run": "tests are run, no manifest yet",
    "run-warm": "tests are run, everything remembered",
    "run-late": "the same, each module imported before its own first test",
}


def write(results: Results, folder: Path) -> Path:
    """Write README.md and its plots into `folder`."""
    target = folder / "README.md"
    parts = [
        _INTRODUCTION,
        machines(results),
        "## Goals\n\n" + goals(results, folder / "reasons.md"),
        "## Suites\n\n" + suites(results, plots.speed(results, ordered(results), folder)),
        peers(results),
        growth(results, plots.growth(results, folder)),
        model.section(results, plots.scaling(results, folder)),
    ]
    target.write_text("\n\n".join(part for part in parts if part) + "\n")
    return target


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], right: int = 1) -> str:
    """Columns from number `right` on that have a name are aligned to the right."""
    marks = ["--:" if index >= right and name else "---" for index, name in enumerate(head)]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "|".join(marks) + "|", *lines])


def machines(results: Results) -> str:
    """What was measured with what, and when."""
    every = [one.machine for one in results.measured]
    every += [one.machine for one in results.peers]
    if not every:
        return "Nothing has been measured yet."
    packages: dict[str, set[str]] = {}
    for machine in every:
        for name, version in machine.packages.items():
            packages.setdefault(name, set()).add(version)
    dates = sorted(machine.date for machine in every)
    commits = sorted({machine.commit for machine in every if machine.commit})
    versions = (f"{name} {' and '.join(sorted(found))}" for name, found in packages.items())
    return (
        "; ".join(dict.fromkeys(machine.line() for machine in every))
        + f". Measured from {dates[0]} to {dates[-1]} UTC"
        + (f", commits {', '.join(commits)}" if commits else "")
        + f". {', '.join(versions)}."
    )


def goals(results: Results, because: Path) -> str:
    """The table of goals, and under it why each missed one is missed."""
    rows, missed = [], []
    for goal in GOALS:
        verdict = goal.judge(results)
        hoped = goal.moonshot
        if verdict is None:
            rows.append((goal.name, goal.goal, hoped, "not measured", ""))
            continue
        if verdict.moonshot is not None:
            hoped += ": " + ("reached" if verdict.moonshot else "no")
        rows.append(
            (goal.name, goal.goal, hoped, verdict.measured, "yes" if verdict.reached else "**no**")
        )
        if not verdict.reached:
            missed.append(goal.name)
    text = _table(("", "goal", "moonshot", "measured", "reached"), rows, right=5)
    known = reasons.sections(because)
    told = [f"### {name}\n\n{known[name]}" for name in missed if name in known]
    return "\n\n".join([text, *(["Why the others are missed:"] if told else []), *told])


def _median(samples: Sequence[Sample], attribute: str) -> float:
    return float(statistics.median(getattr(sample, attribute) for sample in samples))


def _change(result: Result, attribute: str, form: str) -> str:
    native, plugin = _median(result.native, attribute), _median(result.plugin, attribute)
    return f"{native:{form}} -> {plugin:{form}}"


def ordered(results: Results) -> list[str]:
    """Names of the suites that were measured, as bench/run has them."""
    names = {one.suite for one in results.measured}
    known = [name for name in SUITES if name in names]
    return [*known, *sorted(names - set(known))]


def _sameness(result: Result) -> str:
    if result.says_so():
        return f"{result.plugin[0].tests:,}, and says so"
    return "yes" if result.same() else "**no**"


def suites(results: Results, plot: str) -> str:
    """A table for each suite."""
    head = (
        *("scenario", "workers", "rounds", "native s", "plugin s", "times faster"),
        *("lowest-highest", "CPU", "first output s", "main's peak MiB", "same"),
    )
    texts = [
        "Scenarios: " + ", ".join(f"{name} ({hint})" for name, hint in _HINTS.items()) + ".",
    ]
    if plot:
        texts.append(f"![times faster]({plot})")
    durations = {one.suite: one for one in results.files}
    for name in ordered(results):
        mine = [one for one in results.measured if one.suite == name]
        mine.sort(key=lambda one: (NAMES.index(one.scenario), one.workers))
        rows = []
        for one in mine:
            ratios = one.ratios()
            rows.append(
                (
                    one.scenario,
                    one.workers,
                    str(len(ratios)),
                    f"{_median(one.native, 'wall'):.2f}",
                    f"{_median(one.plugin, 'wall'):.2f}",
                    f"**{one.ratio():.2f}**",
                    f"{min(ratios):.2f}-{max(ratios):.2f}",
                    f"x{one.cpu():.2f}",
                    _change(one, "first_output", ".2f"),
                    _change(one, "main_peak", ".0f"),
                    _sameness(one),
                )
            )
        said = [f"{max(one.tests() for one in mine):,} tests."]
        empty = next((one.reference for one in mine if one.scenario == "warm"), [])
        if empty:
            said.append(f"The folder without test files: {_median(empty, 'wall'):.2f} s.")
        if (files := durations.get(name)) is not None:
            whole = sum(files.milliseconds) / 1000
            said.append(
                f"{len(files.milliseconds)} files, {whole:.2f} s of collecting in workers; the longest, "
                f"`{files.longest}`, {files.milliseconds[0] / 1000:.2f} s: no number of workers makes it less."
            )
        texts.append(f"### {name}\n\n{' '.join(said)}\n\n{_table(head, rows)}")
    return "\n\n".join(texts)


def peers(results: Results) -> str:
    """A table of other tools for each suite."""
    if not results.peers:
        return ""
    texts = [
        "## Peers\n\nEach in an environment of its own, by its quickest documented way to list; medians. `same`: "
        "whether the ids are exactly pytest's (in any order). A dash where it doesn't say."
    ]
    for suite in dict.fromkeys(one.suite for one in results.peers):
        rows = []
        for one in results.peers:
            if one.suite != suite:
                continue
            rows.append(
                (
                    f"{one.name} {one.version}",
                    one.mode,
                    f"{statistics.median(one.seconds):.2f}" if one.seconds else "-",
                    "-" if one.found is None else f"{one.found:,}",
                    "-" if one.same is None else "yes" if one.same else "no",
                    one.reason,
                )
            )
        head = ("tool", "way", "s", "tests found", "same", "")
        texts.append(f"### {suite}\n\n{_table(head, rows, right=2)}")
    return "\n\n".join(texts)


def growth(results: Results, plot: str) -> str:
    """Time by the number of tests of the generated suites, and for each test."""
    rows = []
    files = {one.suite: one for one in results.files}
    for name in ordered(results):
        found = {one: results.find(name, one) for one in ("cold", "warm", "list")}
        cold = found["cold"]
        if not name.startswith("gen-") or cold is None:
            continue
        tests = cold.tests()
        cells = [_median(cold.native, "wall")]
        cells += [_median(one.plugin, "wall") if one else 0.0 for one in found.values()]
        rows.append(
            (
                name,
                f"{tests:,}",
                f"{len(files[name].milliseconds):,}" if name in files else "",
                *(f"{cell:.2f} ({1e6 * cell / tests:.1f})" if cell else "" for cell in cells),
            )
        )
    if not rows:
        return ""
    head = ("suite", "tests", "files", "native", "cold, 2 workers", "warm", "list")
    text = "## Growth\n\nGenerated suites, gen-TESTSxPER-FILE. Seconds, and microseconds for each test in brackets.\n\n"
    return text + _table(head, rows) + (f"\n\n![growth]({plot})" if plot else "")
