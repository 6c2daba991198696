"""Results: a JSON file with every sample. What is measured again takes the place of what was measured before."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from fcmbench.machine import Machine
from fcmbench.measure import Sample

# Exit status of `fastcollect-meta list` where something was left out or may stand elsewhere.
_INCOMPLETE = 3


@dataclass(frozen=True, slots=True)
class Result:
    """All samples of one suite in one scenario; entry n of the lists comes from round n.

    `reference` is what else stands beside it: with `warm` native pytest in the same folder without test
    files, with `edited` the warm run; else empty.
    """

    suite: str
    scenario: str
    workers: str
    native: list[Sample]
    plugin: list[Sample]
    reference: list[Sample] = field(default_factory=list)
    machine: Machine = field(default_factory=Machine)

    def key(self) -> tuple[str, str, str]:
        """What it is the result of."""
        return self.suite, self.scenario, self.workers

    def ratios(self, of: Callable[[Sample], float] = lambda sample: sample.wall) -> list[float]:
        """Native by plugin, round by round."""
        return [of(n) / of(p) for n, p in zip(self.native, self.plugin, strict=True)]

    def ratio(self) -> float:
        """The median of native's wall time by the plugin's."""
        return statistics.median(self.ratios())

    def cpu(self) -> float:
        """The median of the plugin's CPU by native's."""
        return statistics.median(
            p.cpu / n.cpu for n, p in zip(self.native, self.plugin, strict=True)
        )

    def same(self) -> bool:
        """Whether both listed the same in each round, and ended with the same exit status.

        Where tests are run what is printed has times in it: then the last line's counts are compared. The
        offline list may leave out what it can't know, if it says so.
        """
        pairs = list(zip(self.native, self.plugin, strict=True))
        if self.scenario.startswith("run"):
            return all((n.status, n.summary) == (p.status, p.summary) for n, p in pairs)
        if self.scenario == "list":
            return self.says_so() or all(n.digest == p.digest and p.status == 0 for n, p in pairs)
        return all((n.digest, n.status) == (p.digest, p.status) for n, p in pairs)

    def says_so(self) -> bool:
        """Whether it is an offline list that said it is incomplete or in another order."""
        return self.scenario == "list" and all(one.status == _INCOMPLETE for one in self.plugin)

    def tests(self) -> int:
        """How many tests native pytest listed; 0 where they were run."""
        return 0 if self.scenario.startswith("run") else self.native[0].tests


@dataclass(frozen=True, slots=True)
class Files:
    """How long workers took for each test file of a suite: milliseconds, the longest first."""

    suite: str
    longest: str
    milliseconds: list[int]
    machine: Machine = field(default_factory=Machine)


@dataclass(frozen=True, slots=True)
class Peer:
    """What one way of another tool made of a suite. `reason` says what was measured, or why nothing was.

    :param found: how many tests it found, None where it doesn't say.
    :param same: whether these are exactly native's ids, in any order; None where it doesn't list them.
    """

    suite: str
    name: str
    version: str
    mode: str
    seconds: list[float]
    found: int | None
    same: bool | None
    reason: str = ""
    machine: Machine = field(default_factory=Machine)

    def key(self) -> tuple[str, str, str]:
        """What it is the result of."""
        return self.suite, self.name, self.mode


@dataclass(frozen=True, slots=True)
class Results:
    """All that is known."""

    measured: list[Result] = field(default_factory=list)
    files: list[Files] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)

    def merged(self, fresh: Results) -> Results:
        """These with `fresh`, which takes the place of what is known by the same key."""
        results = {one.key(): one for one in (*self.measured, *fresh.measured)}
        files = {one.suite: one for one in (*self.files, *fresh.files)}
        peers = {one.key(): one for one in (*self.peers, *fresh.peers)}
        return Results(list(results.values()), list(files.values()), list(peers.values()))

    def find(self, suite: str, scenario: str, workers: str | None = None) -> Result | None:
        """The result of a scenario; with `workers` None that with most workers."""
        found = [
            one
            for one in self.measured
            if (one.suite, one.scenario) == (suite, scenario) and workers in (None, one.workers)
        ]
        return max(found, key=lambda one: int(one.workers), default=None)


def _samples(entries: Sequence[dict[str, Any]]) -> list[Sample]:
    return [Sample(**entry) for entry in entries]


def load(path: Path) -> Results:
    """What `save` wrote; nothing where there is no file."""
    if not path.exists():
        return Results()
    data = json.loads(path.read_text())
    machines = [Machine(**entry) for entry in data["machines"]]

    def on(entry: dict[str, Any]) -> dict[str, Any]:
        return {**entry, "machine": machines[entry["machine"]]}

    return Results(
        [
            Result(**on(entry) | {side: _samples(entry[side]) for side in _SIDES})
            for entry in data["results"]
        ],
        [Files(**on(entry)) for entry in data["files"]],
        [Peer(**on(entry)) for entry in data["peers"]],
    )


_SIDES = ("native", "plugin", "reference")


def save(path: Path, results: Results) -> None:
    """Write it all, in one piece; each machine, with the time of measuring, once."""
    machines: list[Machine] = []

    def known(machine: Machine) -> int:
        if machine not in machines:
            machines.append(machine)
        return machines.index(machine)

    def entry(one: Result | Files | Peer) -> dict[str, Any]:
        return {**asdict(replace(one, machine=Machine())), "machine": known(one.machine)}

    data = {
        "results": [entry(one) for one in results.measured],
        "files": [entry(one) for one in results.files],
        "peers": [entry(one) for one in results.peers],
    }
    whole = {"machines": [asdict(machine) for machine in machines], **data}
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(_lines(whole))
    os.replace(new, path)


def _lines(whole: dict[str, list[dict[str, Any]]]) -> str:
    """JSON with a line for each entry, and for each sample in one."""
    out = []
    for name, entries in whole.items():
        texts = []
        for one in entries:
            members = []
            for key, value in one.items():
                if key in _SIDES and value:
                    samples = ",\n    ".join(json.dumps(sample) for sample in value)
                    members.append(f'"{key}": [\n    {samples}]')
                else:
                    members.append(f'"{key}": {json.dumps(value)}')
            texts.append("  {" + ",\n   ".join(members) + "}")
        out.append(f' "{name}": [\n' + ",\n".join(texts) + "\n ]")
    return "{\n" + ",\n".join(out) + "\n}\n"
