"""The page's plots. Without matplotlib there are none, and those that are there stay."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fcmbench import model
from fcmbench.results import Results

_COLOURS = {"native": "#777777", "cold": "#c05020", "warm": "#2060a0", "list": "#208050"}


def _figure() -> Any:
    """Axes to draw on; None without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "fcmbench"
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.grid(True, which="major", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return axes


def _save(axes: Any, folder: Path, name: str) -> str:
    # the same results make the same file
    axes.figure.savefig(folder / name, format="svg", metadata={"Date": None})
    return name


def speed(results: Results, suites: Sequence[str], folder: Path) -> str:
    """Times faster than pytest, cold and warm, by suite. As `growth`."""
    name = "speed.svg"
    rows = [one for one in suites if results.find(one, "cold") or results.find(one, "warm")]
    if not rows:
        return ""
    axes = _figure()
    if axes is None:
        return name if (folder / name).exists() else ""
    for offset, scenario in ((-0.2, "warm"), (0.2, "cold")):
        found = [(index, results.find(one, scenario)) for index, one in enumerate(rows)]
        known = [(index + offset, one.ratio()) for index, one in found if one]
        bars = axes.barh(
            [place for place, _ in known],
            [ratio for _, ratio in known],
            height=0.36,
            color=_COLOURS[scenario],
            label="warm" if scenario == "warm" else "cold, 2 workers",
        )
        axes.bar_label(bars, fmt="%.1f", padding=2, fontsize=8)
    axes.axvline(1, color=_COLOURS["native"], linewidth=1)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel="listing: times faster than pytest, whole process")
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    return _save(axes, folder, name)


def growth(results: Results, folder: Path) -> str:
    """Time by number of tests of the generated suites. The file's name, "" where there is nothing to draw."""
    name = "growth.svg"
    lines: dict[str, list[tuple[int, float]]] = {key: [] for key in _COLOURS}
    for one in results.measured:
        if not one.suite.startswith("gen-"):
            continue
        if one.scenario in ("cold", "warm", "list"):
            wall = statistics.median(sample.wall for sample in one.plugin)
            lines[one.scenario].append((one.tests(), wall))
        if one.scenario == "cold":
            native = statistics.median(sample.wall for sample in one.native)
            lines["native"].append((one.tests(), native))
    if not any(len(points) > 1 for points in lines.values()):
        return ""
    axes = _figure()
    if axes is None:
        return name if (folder / name).exists() else ""
    labels = {"native": "pytest", "cold": "cold, 2 workers", "warm": "warm", "list": "offline list"}
    for key, points in lines.items():
        points.sort()
        axes.plot(
            *zip(*points), marker="o", markersize=4, color=_COLOURS[key], label=labels[key]
        ) if points else None
    axes.set(xscale="log", yscale="log", xlabel="tests", ylabel="seconds", title="Generated suites")
    axes.legend(frameon=False)
    return _save(axes, folder, name)


def scaling(results: Results, folder: Path) -> str:
    """Modelled speed by number of workers, with what was measured. As `growth`."""
    name = "workers.svg"
    known = {
        suite: found
        for suite in dict.fromkeys(one.suite for one in results.measured)
        if (found := model.parts(results, suite)) is not None
        and (not suite.startswith("gen-") or suite == "gen-100000x100")
    }
    if not known:
        return ""
    axes = _figure()
    if axes is None:
        return name if (folder / name).exists() else ""
    for suite, found in known.items():
        cold = results.find(suite, "cold")
        assert cold is not None
        native = statistics.median(sample.wall for sample in cold.native)
        counts = range(1, 17)
        (line,) = axes.plot(
            counts,
            [native / found.seconds(count) for count in counts],
            linestyle="--",
            linewidth=1.2,
            label=suite,
        )
        for count in (1, 2):
            if (seen := model.measured(results, suite, count)) is not None:
                axes.plot(
                    [count], [native / seen], marker="o", color=line.get_color(), markersize=5
                )
    axes.set(
        xlabel="workers",
        ylabel="times faster than pytest",
        title="Cold run: dots measured on 2 cores, lines modelled for enough cores",
        xlim=(0.5, 16.5),
        ylim=(0, None),
    )
    axes.title.set_fontsize(10)
    axes.legend(frameon=False, fontsize=8, ncols=2)
    return _save(axes, folder, name)
