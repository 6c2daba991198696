"""How a cold run would take with other numbers of workers: a model of measured parts.

preparation   the same folder without test files, natively: start, plugins, conftests. Main and the zygote do it at the same time
collecting    CPU of the workers, of the farm's statistics, without the zygote's preparation; divided among files as
              the manifest's durations are, files given to workers as they become free, the longest first
main          what a warm run takes beyond preparation: nodes are built and ids printed while workers collect
coordinator   its own CPU, of the farm's statistics

A run is preparation, then whichever is longest: the workers' work as it is scheduled, main's, or the CPU of all three by the number
of cores; then what main has to do for the last file.
"""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from fcmbench.results import Files, Results

WORKERS = (1, 2, 3, 4, 6, 8, 12, 16)


@dataclass(frozen=True, slots=True)
class Parts:
    """The measured parts of a suite, in seconds; `files` are shares of `collecting`, the longest first."""

    preparation: float
    collecting: float
    main: float
    coordinator: float
    files: list[float]

    def seconds(self, workers: int, cores: int | None = None) -> float:
        """A cold run's time; with `cores` None there are enough for all processes."""
        spread = makespan([share * self.collecting for share in self.files], workers)
        bounds = [spread, self.main]
        if cores is not None:
            bounds.append((self.collecting + self.main + self.coordinator) / cores)
        last = self.main * self.files[0] if self.files else 0.0
        return self.preparation + max(bounds) + last


def makespan(durations: Sequence[float], workers: int) -> float:
    """When the last of `workers` is done, if each takes the longest that is left when it becomes free."""
    free = [0.0] * workers
    for one in sorted(durations, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + one)
    return max(free)


def parts(results: Results, suite: str) -> Parts | None:
    """The parts of a suite; None where one wasn't measured."""
    cold, warm = results.find(suite, "cold"), results.find(suite, "warm")
    files: Files | None = next((one for one in results.files if one.suite == suite), None)
    if cold is None or warm is None or files is None or not warm.reference:
        return None
    workers = [one.workers_cpu for one in cold.plugin if one.workers_cpu is not None]
    coordinator = [one.coordinator_cpu for one in cold.plugin if one.coordinator_cpu is not None]
    if not workers or not coordinator:
        return None
    preparation = statistics.median(one.wall for one in warm.reference)
    whole = sum(files.milliseconds) or 1
    return Parts(
        preparation,
        max(0.0, statistics.median(workers) - statistics.median(one.cpu for one in warm.reference)),
        max(0.0, statistics.median(one.wall for one in warm.plugin) - preparation),
        statistics.median(coordinator),
        [one / whole for one in files.milliseconds],
    )


def measured(results: Results, suite: str, workers: int) -> float | None:
    """The median of a cold run's time where it was measured."""
    name = "cold-1" if workers == 1 else "cold"
    found = results.find(suite, name, str(workers))
    return statistics.median(one.wall for one in found.plugin) if found else None


def section(results: Results, plot: str) -> str:
    """The part of the page on numbers of workers."""
    rows = []
    cores = max((one.machine.cores for one in results.measured), default=0) or 2
    for suite in dict.fromkeys(one.suite for one in results.measured):
        known = parts(results, suite)
        if known is None:
            continue
        told = []
        for count in (1, 2):
            seen = measured(results, suite, count)
            told.append("" if seen is None else f"{seen:.2f}")
            told.append(f"{known.seconds(count, cores):.2f}")
        rows.append(
            "| "
            + " | ".join(
                (
                    suite,
                    f"{known.preparation:.2f}",
                    f"{known.collecting:.2f}",
                    f"{known.main:.2f}",
                    f"{known.coordinator:.3f}",
                    f"{(known.files[0] if known.files else 0) * known.collecting:.2f}",
                    *told,
                    *(f"{known.seconds(count):.2f}" for count in WORKERS if count > 2),
                )
            )
            + " |"
        )
    if not rows:
        return ""
    head = [
        *("suite", "preparation", "collecting", "main", "coordinator", "longest file"),
        *("1 worker, measured", "modelled", "2 workers, measured", "modelled"),
        *(f"{count}, modelled" for count in WORKERS if count > 2),
    ]
    text = (
        "## Numbers of workers\n\n"
        f"The first six columns are measured parts of a cold run, in seconds (CPU for collecting and the coordinator); this machine has {cores} "
        "cores. **Modelled, not measured,** is what says so: for 1 and 2 workers on this machine, for more on one with a core for every "
        "process. A run is modelled as preparation (main and the zygote at the same time), then the longest of three: files spread over "
        "workers, the longest first; main's own work; and, on this machine, the CPU of all by its cores; then main's share of the last "
        "file.\n\n"
    )
    table = "\n".join(
        ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|", *rows]
    )
    return text + table + (f"\n\n![workers]({plot})" if plot else "")
