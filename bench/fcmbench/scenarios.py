"""The situations in which both are measured, each a pair of pytest command lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fcmbench import measure
from fcmbench.measure import Sample
from fcmbench.suites import Suite


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two sides of a pair: what is run, and what is changed on disk before it."""

    suite: Suite
    arguments: tuple[str, ...]

    def run(self) -> Sample:
        """Run it once."""
        command = [sys.executable, "-m", "pytest", *self.arguments]
        return measure.run(command, self.suite.cwd, self.suite.env)


@dataclass(frozen=True, slots=True)
class Pair:
    """Native and plugin, and what has to happen before each single run."""

    native: Side
    plugin: Side
    before: Callable[[], None]


def _nothing() -> None:
    return None


def _plugin(workers: str, manifest: Path) -> tuple[str, ...]:
    return ("-p", "fastcollect_meta", f"--workers={workers}", f"--manifest={manifest}")


def _forgets(manifest: Path) -> Callable[[], None]:
    """A function that removes a manifest, so that the next run is a first one that also writes it."""

    def forget() -> None:
        manifest.unlink(missing_ok=True)

    return forget


def _pair(
    suite: Suite,
    plugin: tuple[str, ...],
    arguments: tuple[str, ...],
    before: Callable[[], None] = _nothing,
) -> Pair:
    return Pair(Side(suite, arguments), Side(suite, (*plugin, *arguments)), before)


def _a_file(suite: Suite) -> Path:
    """A test file in the middle of the suite."""
    files = sorted(suite.files.rglob("test_*.py"))
    return files[len(files) // 2]


@contextmanager
def _edits(path: Path) -> Iterator[Callable[[], None]]:
    """Gives a function that changes the end of a file each time; the file is put back at the end."""
    original = path.read_bytes()
    count = 0

    def edit() -> None:
        nonlocal count
        count += 1
        path.write_bytes(original + f"\n# edited {count}\n".encode())

    try:
        yield edit
    finally:
        path.write_bytes(original)


def _a_node_id(suite: Suite) -> str:
    """The id of a test in the middle of the suite, as an argument from the suite's folder."""
    import subprocess

    file = str(_a_file(suite))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *suite.listing, *suite.args[:-1], file]
        if suite.args[0] != "--pyargs"
        else [sys.executable, "-m", "pytest", *suite.listing, file],
        cwd=suite.cwd,
        env=measure.environment(suite.env),
        capture_output=True,
        check=False,
    )
    ids = [line.decode() for line in measure.listed(done.stdout) if b"::" in line]
    if not ids:
        raise LookupError(f"no test in {file}")
    return file + "::" + ids[len(ids) // 2].split("::", 1)[1]


@contextmanager
def scenario(name: str, suite: Suite, workers: str, scratch: Path) -> Iterator[Pair | None]:
    """The pair for a scenario; None where it does not apply to the suite.

    cold      no manifest yet; cold-1 and cold-0 the same with one worker and with none
    warm      everything remembered
    edited    everything remembered, then one file changed before each run
    keyword   warm, -k
    id        warm, one node id
    run       the tests are run, no manifest yet
    run-warm  the tests are run, everything remembered
    """
    manifest = scratch / f"{suite.name}-{name}.manifest"
    forget = _forgets(manifest)
    warm = _plugin(workers, manifest)
    listing = (*suite.listing, *suite.args)

    def prime(arguments: tuple[str, ...]) -> None:
        Side(suite, (*warm, *arguments)).run()

    match name:
        case "cold":
            yield _pair(suite, warm, listing, forget)
        case "cold-1" | "cold-0":
            yield _pair(suite, _plugin(name[-1], manifest), listing, forget)
        case "warm":
            prime(listing)
            yield _pair(suite, warm, listing)
        case "edited":
            prime(listing)
            with _edits(_a_file(suite)) as edit:
                yield _pair(suite, warm, listing, edit)
        case "keyword":
            prime(listing)
            yield _pair(suite, warm, (*suite.listing, "-k", suite.keyword, *suite.args))
        case "id":
            prime(listing)
            yield _pair(suite, warm, (*suite.listing, _a_node_id(suite)))
        case "run" | "run-warm":
            if suite.run_args is None:
                yield None
                return
            arguments = ("-q", *suite.run_args)
            if name == "run":
                yield _pair(suite, warm, arguments, forget)
            else:
                prime((*suite.listing, *suite.run_args))
                yield _pair(suite, warm, arguments)
        case _:
            raise LookupError(f"unknown scenario {name}")


NAMES = ("cold", "cold-1", "cold-0", "warm", "edited", "keyword", "id", "run", "run-warm")
