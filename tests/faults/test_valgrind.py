"""The coordinator in valgrind, for whole runs: nothing is used that isn't there, and nothing leaks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fastcollect_meta import binaries
from faultruns import HEALTHY, run, write_suite

pytestmark = [
    pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind isn't installed"),
    pytest.mark.unsanitized("valgrind doesn't run programs with sanitizers"),
]


@pytest.mark.parametrize(
    "module",
    [
        "import os\nos._exit(3)",
        *(pytest.param(text, marks=pytest.mark.full) for text in ("pass", "while True: pass")),
    ],
    ids=["exits", "fine", "late"],
)
def test_coordinator(tmp_path: Path, module: str) -> None:
    folder = tmp_path / "suite"
    folder.mkdir()
    write_suite(folder, {"test_m.py": f"{module}\n{HEALTHY}"})
    log, program = tmp_path / "valgrind", tmp_path / "program"
    # What forks goes on to execute another program.
    program.write_text(
        "#!/bin/sh\n"
        "exec valgrind -q --leak-check=full --show-leak-kinds=definite,indirect,possible "
        f'--trace-children=no --child-silent-after-fork=yes --log-file={log} {binaries.coordinator()} "$@"\n'
    )
    program.chmod(0o755)
    result = run(
        folder,
        *("-p", "other_coordinator", "-o", "fastcollect_meta_time_limit=4"),
        env={"FAULT_COORDINATOR": str(program)},
        limit=150,
    )
    assert result.ids and result.files.get("farm"), result
    # Its own words ("--1234-- ...") are of system calls that it doesn't know.
    said = [line for line in log.read_text().splitlines() if line.startswith("==")]
    assert said == []
