"""The situations that are measured: which command is compared with which.

cold      no manifest yet; cold-1 and cold-0 the same with one worker and with none
warm      everything remembered; beside it the cost of the same folder when no file in it is a test file
edited    everything remembered, then one file changed before each run; beside it the warm run
keyword   warm, -k
id        warm, one node id
list      `fastcollect-meta list`, without Python, against native listing
pyc-cold  no manifest and no .pyc files, of the suite or any library
run       the tests are run, no manifest yet
run-warm  the tests are run, everything remembered
run-late  the same with fastcollect_meta_imports=late: each module is imported when its own first test runs
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fcmbench import measure
from fcmbench.commands import Around, Command, compiles, edits, forgets, nothing
from fcmbench.suites import Suite

NAMES = (
    "cold",
    "cold-1",
    "cold-0",
    "warm",
    "edited",
    "keyword",
    "id",
    "list",
    "pyc-cold",
    "run",
    "run-warm",
    "run-late",
)
# A pattern that no file of any suite matches.
NO_FILE = "no_file_is_called_so_*.py"
# What runs in every round; the others run in the first `fewer` rounds of a suite.
CENTRAL = ("cold", "warm", "edited", "run", "run-warm", "run-late")


@dataclass(frozen=True, slots=True)
class Scenario:
    """Names of commands: what is measured, what it is compared with, and what else stands beside it."""

    name: str
    workers: str
    native: str
    plugin: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A suite's scenarios, its commands by name, and what has to be run before anything is measured."""

    scenarios: list[Scenario]
    commands: dict[str, Command]
    prime: list[Command]
    manifest: Path


def _a_file(suite: Suite) -> Path:
    """A test file in the middle of the suite."""
    files = sorted(suite.files.rglob("test_*.py"))
    return files[len(files) // 2]


def _a_node_id(suite: Suite, file: Path) -> str:
    """The id of a test of `file`, as an argument from the suite's folder; "" if it has none."""
    paths = suite.args[:-1] if suite.args[0] != "--pyargs" else ()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *suite.options, *suite.listing, *paths, str(file)],
        cwd=suite.cwd,
        env=measure.environment(suite.env),
        capture_output=True,
        check=False,
    )
    ids = [line.decode() for line in measure.listed(done.stdout) if b"::" in line]
    return f"{file}::{ids[len(ids) // 2].split('::', 1)[1]}" if ids else ""


def plan(suite: Suite, names: tuple[str, ...], workers: str, scratch: Path) -> Plan:
    """What to run for the scenarios `names`, those that apply to the suite; manifests lie in `scratch`."""
    known = scratch / f"{suite.name}.manifest"
    made = Plan([], {}, [], known)
    listing = (*suite.options, *suite.listing, *suite.args)

    def plugin(manifest: Path, count: str = workers) -> tuple[str, ...]:
        return ("-p", "fastcollect_meta", f"--workers={count}", f"--manifest={manifest}")

    def command(
        name: str, arguments: tuple[str, ...], around: Around = nothing, statistics: bool = False
    ) -> str:
        made.commands.setdefault(name, Command(suite, arguments, around, statistics))
        return name

    def native(name: str = "native", arguments: tuple[str, ...] = listing) -> str:
        return command(name, arguments)

    def warm() -> str:
        return command("warm", (*plugin(known), *listing))

    # Writes .pyc files, warms the page cache, and leaves the manifest that warm runs read.
    made.prime.append(Command(suite, (*plugin(known), *listing), forgets(known)))
    for name in names:
        count = name[-1] if name in ("cold-0", "cold-1") else workers
        mine = scratch / f"{suite.name}-{name}.manifest"
        reference = ""
        match name:
            case "cold" | "cold-1" | "cold-0":
                against = native()
                arguments = (*plugin(mine, count), *listing)
                measured = command(name, arguments, forgets(mine), statistics=count != "0")
            case "warm":
                against, measured = native(), warm()
                nowhere = ("-o", f"python_files={NO_FILE}")
                reference = native(
                    "native, no test file",
                    (*suite.options, *nowhere, *suite.listing, *suite.args),
                )
            case "edited":
                against, reference = native(), warm()
                measured = command(
                    name, (*plugin(mine), *listing), edits(_a_file(suite), known, mine)
                )
            case "keyword":
                narrow = (*suite.options, *suite.listing, "-k", suite.keyword, *suite.args)
                against = native("native -k", narrow)
                measured = command(name, (*plugin(known), *narrow))
            case "id":
                node_id = _a_node_id(suite, _a_file(suite))
                if not node_id:
                    continue
                narrow = (*suite.options, *suite.listing, node_id)
                against = native("native id", narrow)
                # its own: where one file gives another root folder, its records would be what `list` lists
                made.prime.append(Command(suite, (*plugin(mine), *listing), forgets(mine)))
                measured = command(name, (*plugin(mine), *narrow))
            case "list":
                against, measured = native(), name
                program = Path(sys.executable).with_name("fastcollect-meta")
                made.commands[name] = Command(
                    suite, ("list", "--manifest", str(known)), program=program
                )
            case "pyc-cold":
                against = command("native pyc-cold", listing, compiles(scratch))
                arguments = (*plugin(mine), *listing)
                measured = command(name, arguments, compiles(scratch, forgets(mine)))
            case "run" | "run-warm" | "run-late":
                if suite.run_args is None:
                    continue
                arguments = (*suite.options, "-q", *suite.run_args)
                against = native("native run", arguments)
                late = ("-o", "fastcollect_meta_imports=late") if name == "run-late" else ()
                run = (*plugin(mine), *late, *arguments)
                if name != "run":
                    primer = (
                        *plugin(mine),
                        *late,
                        *suite.options,
                        *suite.listing,
                        *suite.run_args,
                    )
                    made.prime.append(Command(suite, primer, forgets(mine)))
                measured = command(name, run, forgets(mine) if name == "run" else nothing)
            case _:
                raise LookupError(f"unknown scenario {name}")
        made.scenarios.append(Scenario(name, count, against, measured, reference))
    return made
