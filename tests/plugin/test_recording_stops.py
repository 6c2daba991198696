"""When everything has been collected, nothing is recorded any more: tests don't see it, and no later run lacks anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from inner import pytest_output, write

OWN = """
import importlib._bootstrap as system

def test_import_system():
    assert type(system._gcd_import).__name__ == "function"
    assert type(system._find_spec).__name__ == "function"
"""

RUNS = """
import sys
import pytest

OPTIONS = ["-p", "fastcollect_meta", "--workers=1", "--manifest=kept.manifest", "-q"]
for arguments in sys.argv[1:]:
    assert pytest.main([*OPTIONS, *arguments.split()]) == 0
"""

NEW = """
import pytest
from helper import NAMES

@pytest.mark.parametrize("name", NAMES)
def test_new(name): pass
"""


def runs(folder: Path, *arguments: str) -> str:
    """What one process prints that calls pytest.main() for each of them."""
    done = subprocess.run(
        [sys.executable, "runs.py", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_tests_see_pythons_own_import_system(tmp_path: Path) -> None:
    write(tmp_path, test_own=OWN)
    for _ in range(2):
        assert "1 passed" in pytest_output(tmp_path)


def test_what_was_loaded_between_two_runs_of_a_process_is_a_dependency(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{"pytest.ini": "[pytest]\n"},
        runs=RUNS,
        helper="from deep import NAMES",
        deep="NAMES = ['a']",
        first__test_load="def test_load():\n    import helper",
        second__test_old="def test_old(): pass",
    )
    runs(tmp_path, "--collect-only second")
    write(tmp_path, second__test_new=NEW)
    # the first run's test loads what the second run's new file imports
    both = runs(tmp_path, "first", "--collect-only second")
    assert "2 files (1 here, 1 manifest)" in both
    assert "test_new[a]" in both
    write(tmp_path, deep="NAMES = ['b']")
    assert "test_new[b]" in runs(tmp_path, "--collect-only second")
