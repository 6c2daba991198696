"""What a second run does not do: start a farm, import, lose what another run has written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from inner import pytest_output, write
from test_manifest import COLLECT, collected, command, native_ids

#: Leaves a folder for each process that imports it; a file that is opened would be a dependency.
CONFTEST = """
import os
os.makedirs(os.path.join(os.environ["IMPORTED_BY"], str(os.getpid())), exist_ok=True)
"""


def test_no_zygote_and_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warm run's conftests are imported once, by the main process; its test modules not at all."""
    project, by = tmp_path / "project", tmp_path / "imported"
    monkeypatch.setenv("IMPORTED_BY", str(by))
    write(project, conftest=CONFTEST, test_a=CONFTEST + "def test_a(): pass\n")
    assert collected(project) == "1 farm"
    assert len(list(by.iterdir())) > 1
    shutil.rmtree(by)
    assert collected(project) == "1 manifest"
    assert len(list(by.iterdir())) == 1


def test_a_fresh_checkout_is_warm(tmp_path: Path) -> None:
    """Other times and inodes, the same content: everything comes from the manifest, which stays valid."""
    write(
        tmp_path,
        conftest="import pytest\n",
        lib__helper="NAMES = ['x', 'y']\n",
        a__test_a="import helper, pytest\n@pytest.mark.parametrize('name', helper.NAMES)\ndef test_a(name): pass\n",
        b__test_b="def test_b(): pass\n",
    )
    write(tmp_path, **{"pytest.ini": "[pytest]\npythonpath = lib\n"})
    assert collected(tmp_path) == "2 farm"
    for name in ("conftest.py", "lib", "a", "b", "pytest.ini"):
        kept = tmp_path.parent / "kept"
        (tmp_path / name).rename(kept)
        if kept.is_dir():
            shutil.copytree(kept, tmp_path / name, copy_function=shutil.copy)
            shutil.rmtree(kept)
        else:
            shutil.copy(kept, tmp_path / name)
            kept.unlink()
    assert command(tmp_path, "check")[:2] == (0, ["2 of 2 files are valid"])
    assert collected(tmp_path) == "2 manifest"
    assert command(tmp_path, "list")[:2] == (0, native_ids(tmp_path))


def test_runs_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """Four first runs, each of a folder of its own, write one manifest."""
    names = "abcd"
    for name in names:
        write(tmp_path, **{f"{name}__test_{name}": f"def test_{name}(): pass\n"})
    write(tmp_path, **{"pytest.ini": "[pytest]\n"})
    runs = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pytest",
                "-p",
                "fastcollect_meta",
                "--workers=1",
                *COLLECT,
                name,
            ],
            cwd=tmp_path,
            env=os.environ,
            stdout=subprocess.DEVNULL,
        )
        for name in names
    ]
    assert [run.wait(timeout=150) for run in runs] == [0] * len(names)
    ids = native_ids(tmp_path)
    assert len(ids) == len(names)
    # where the folders were written is one order of many
    status, lines, _ = command(tmp_path, "list", *names)
    assert (status, lines) == (0, ids)
    assert collected(tmp_path) == "4 manifest"


def test_a_run_of_one_folder_keeps_the_others(tmp_path: Path) -> None:
    write(tmp_path, a__test_a="def test_a(): pass\n", b__test_b="def test_b(): pass\n")
    write(tmp_path, **{"pytest.ini": "[pytest]\n"})
    assert collected(tmp_path) == "2 farm"
    write(tmp_path, a__test_a="def test_more(): pass\n")
    pytest_output(tmp_path, *COLLECT, "a")
    assert collected(tmp_path) == "2 manifest"
    assert command(tmp_path, "list")[:2] == (0, native_ids(tmp_path))
    # selections and ids share the records
    assert collected(tmp_path, "-k", "more") == "2 manifest"
    assert collected(tmp_path, "b/test_b.py::test_b") == "1 manifest"


def test_descriptors_keep_their_numbers(tmp_path: Path) -> None:
    """A file that a module opens, and that a parameter shows, has the number that it has natively: cold and warm."""
    write(
        tmp_path,
        test_a="FILE = open(__file__)\ndef test_a(): print('number', FILE.fileno())\n",
    )
    numbers = [
        re.findall(r"^number \d+$", pytest_output(tmp_path, "-rP", plugin=plugin), re.M)
        for plugin in (False, True, True)
    ]
    assert len(numbers[0]) == 1
    assert numbers[0] == numbers[1] == numbers[2]


def test_caches_of_hypothesis(tmp_path: Path) -> None:
    """Hypothesis keeps what it has found out about modules that are imported; what it finds there changes no tests."""
    write(
        tmp_path,
        test_a="""
import os
kept = os.path.join(os.path.dirname(__file__), ".hypothesis", "constants", "a")
os.listdir(os.path.dirname(__file__))
try:
    open(kept).close()
except OSError:
    os.makedirs(os.path.dirname(kept), exist_ok=True)
    open(kept, "w").close()
def test_a(): pass
""",
    )
    assert collected(tmp_path) == "1 farm"
    assert collected(tmp_path) == "1 manifest"
    shutil.rmtree(tmp_path / ".hypothesis")
    assert collected(tmp_path) == "1 manifest"
