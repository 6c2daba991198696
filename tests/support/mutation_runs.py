"""Runs pytest on a changed project (mutations.py) with a manifest from before the change, and without one."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "parity"))
import mutations
from fastcollect_meta import binaries
from sameness import normalised

#: A process that takes longer than this (seconds) hangs.
TIME_LIMIT = 120


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """What one process left."""

    status: int
    out: str
    err: str

    @property
    def ids(self) -> list[str]:
        """Lines before the first empty one."""
        return self.out.partition("\n\n")[0].splitlines()


class MutatedProject:
    """The project of mutations.py in a folder of its own, with a manifest of it as it was.

    :param folder: one that nothing else is in; made if need be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir(parents=True)
        self._before = folder / "before.manifest"
        self._manifest = folder / "used.manifest"
        mutations.write(self.folder)
        first = self._with_manifest(self._before, mutations.Change("", "", *2 * (frozenset(),)))
        assert first.status == 0, first

    def wrong(self, change: mutations.Change) -> list[str]:
        """What a change makes go wrong, one line each; the project is put back afterwards."""
        change.apply(self.folder)
        try:
            return [f"{change.name}: {line}" for line in self._wrong(change)]
        finally:
            mutations.write(self.folder)

    def _wrong(self, change: mutations.Change) -> Iterator[str]:
        shutil.copyfile(self._before, self._manifest)
        if change.kind not in ("option", "config"):
            yield from self._wrong_verdicts(change)
        native = self._pytest(change)
        runs = {"with the old manifest": self._with_manifest(self._manifest, change)}
        runs["with the new manifest"] = self._with_manifest(self._manifest, change)
        runs["with --workers=0"] = self._pytest(change, "-p", "fastcollect_meta", "--workers=0")
        for name, run in runs.items():
            if run.status != native.status:
                yield f"{name}: exit {run.status}, natively {native.status}"
            if normalised(run.out) != normalised(native.out):
                yield f"{name}: {_first_difference(normalised(native.out), normalised(run.out))}"
        # what selects, or prints something else than ids
        if {"-k", "-v", "tests/b"} & set(change.args) or native.status != 0:
            return
        listed = self._command(change, "list", "--manifest", str(self._manifest))
        if listed.ids != native.ids and listed.status != 3:
            yield f"list: {_first_difference(native.ids, listed.ids)} (exit {listed.status})"

    def _wrong_verdicts(self, change: mutations.Change) -> Iterator[str]:
        check = self._command(change, "check", "--manifest", str(self._manifest))
        stale = {
            name.removeprefix(f"{self.folder}/"): why
            for name, _, why in (line.partition(": stale: ") for line in check.out.splitlines())
            if why
        }
        for name in change.notice - stale.keys():
            yield f"{name} misses it"
        for name in change.keep & stale.keys():
            yield f"{name} is stale: {stale[name]}"
        if bool(stale) != (check.status == 3) and check.status != 3:
            yield f"check: exit {check.status} with {len(stale)} stale files"

    def _with_manifest(self, manifest: Path, change: mutations.Change) -> Run:
        plugin = ("-p", "fastcollect_meta", "--workers=2", f"--manifest={manifest}")
        return self._pytest(change, *plugin)

    def _pytest(self, change: mutations.Change, *args: str) -> Run:
        fixed = ["--collect-only", "-q", "-p", "no:cacheprovider"]
        command = [sys.executable, "-m", "pytest", *fixed, *args, *change.args]
        return self._run(command, change.environ)

    def _command(self, change: mutations.Change, *args: str) -> Run:
        program = binaries.coordinator()
        assert program is not None
        return self._run([program, *args], change.environ)

    def _run(self, command: list[str], environ: Mapping[str, str]) -> Run:
        # with sanitizers, what is left to the end of the process would be a leak
        base = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("PYTEST_", "FASTCOLLECT_")) or k == "FASTCOLLECT_META_GC"
        }
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**base, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIME_LIMIT,
            check=False,
        )
        return Run(done.returncode, done.stdout, done.stderr)


def _first_difference(expected: list[str], found: list[str]) -> str:
    for number in range(max(len(expected), len(found))):
        pair = [lines[number] if number < len(lines) else "nothing" for lines in (expected, found)]
        if pair[0] != pair[1]:
            return f"line {number + 1}: {pair[1]!r} instead of {pair[0]!r}"
    return "the same"
