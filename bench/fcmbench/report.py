"""Results: a JSON file with every sample, and a Markdown table made from it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fcmbench.measure import Sample

# Ratios native / plugin that have to be reached (first) and that are hoped for (second), on two cores.
GOALS: dict[tuple[str, str], tuple[float, float | None]] = {
    ("pandas", "warm"): (8, 15),
    ("networkx", "warm"): (5, None),
    ("sympy", "warm"): (5, None),
    ("numpy", "warm"): (5, None),
    ("scikit-learn", "warm"): (5, None),
    ("sqlalchemy", "warm"): (3, None),
    ("pandas", "cold"): (1.8, 2.2),
    ("sympy", "cold"): (1.8, 2.2),
    ("scikit-learn", "cold"): (1.8, 2.2),
    ("networkx", "cold"): (1.5, None),
    ("pytest", "cold"): (1.5, None),
}


@dataclass(frozen=True, slots=True)
class Result:
    """All samples of one suite in one scenario; entry n of both lists is pair n."""

    suite: str
    scenario: str
    workers: str
    native: list[Sample]
    plugin: list[Sample]

    def ratios(self) -> list[float]:
        """Native time by plugin time, pair by pair."""
        return [n.wall / p.wall for n, p in zip(self.native, self.plugin, strict=True)]

    def same(self) -> bool:
        """Whether each pair listed the same and ended with the same exit status.

        Where tests are run, what is printed has times in it: then only the exit status is compared.
        """
        if self.scenario.startswith("run"):
            return all(n.status == p.status for n, p in zip(self.native, self.plugin, strict=True))
        return all(
            (n.digest, n.status) == (p.digest, p.status)
            for n, p in zip(self.native, self.plugin, strict=True)
        )


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    model = ""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    packages = {}
    for name in (
        "pytest pytest-fastcollect-meta networkx sympy numpy pandas scikit-learn sqlalchemy"
    ).split():
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": packages,
    }


def load(path: Path) -> list[Result]:
    """The results in a file that `save` wrote; empty where there is none."""
    if not path.exists():
        return []
    data = json.loads(path.read_text())
    return [
        Result(
            entry["suite"],
            entry["scenario"],
            entry["workers"],
            [Sample(**sample) for sample in entry["native"]],
            [Sample(**sample) for sample in entry["plugin"]],
        )
        for entry in data["results"]
    ]


def save(path: Path, results: Sequence[Result]) -> None:
    """Write all samples."""
    data = {"machine": machine(), "results": [asdict(result) for result in results]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n")


def _median(samples: Sequence[Sample], attribute: str) -> float:
    return float(statistics.median(getattr(sample, attribute) for sample in samples))


def table(results: Sequence[Result]) -> str:
    """A Markdown table, one line a suite and scenario; medians, and the ratios pair by pair."""
    lines = [
        "| suite | scenario | workers | tests | native s | plugin s | ratio (lowest-highest) | goal "
        "| CPU | first output s | main's peak MiB | same |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for result in results:
        ratios = result.ratios()
        goal = GOALS.get((result.suite, result.scenario))
        goal_text = "" if goal is None else f"{goal[0]:g}" + (f" ({goal[1]:g})" if goal[1] else "")
        cpu = statistics.median(
            p.cpu / n.cpu for n, p in zip(result.native, result.plugin, strict=True)
        )
        lines.append(
            f"| {result.suite} | {result.scenario} | {result.workers} | {result.native[0].tests or ''} "
            f"| {_median(result.native, 'wall'):.2f} | {_median(result.plugin, 'wall'):.2f} "
            f"| **{statistics.median(ratios):.2f}** ({min(ratios):.2f}-{max(ratios):.2f}) | {goal_text} "
            f"| x{cpu:.2f} "
            f"| {_median(result.native, 'first_output'):.2f} -> {_median(result.plugin, 'first_output'):.2f} "
            f"| {_median(result.native, 'main_peak'):.0f} -> {_median(result.plugin, 'main_peak'):.0f} "
            f"| {'yes' if result.same() else '**NO**'} |"
        )
    return "\n".join(lines)


def page(results: Sequence[Result]) -> str:
    """The table with what it was measured on."""
    host = machine()
    packages = ", ".join(f"{name} {version}" for name, version in host["packages"].items())
    return (
        "# Results\n\n"
        "Whole processes, native pytest and fastcollect_meta in alternation, `.pyc` files and page cache "
        "warm; medians,\nand the ratio native / plugin pair by pair. CPU is that of all processes together "
        "against native's.\n\n"
        f"{host['cpu']}, {host['cores']} cores, {host['memory_mib']} MiB, {host['system']}, "
        f"Python {host['python']}; {packages}.\n\n{table(results)}\n"
    )
