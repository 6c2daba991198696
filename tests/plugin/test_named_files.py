"""Runs of one or two files that are named: forks of the main process collect them, and no farm is started for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from inner import pytest_output, write

COLLECT = ("--collect-only", "-q")
PLAIN = "import pytest\n\n@pytest.mark.parametrize('x', [1, 2])\ndef test_one(x):\n    pass\n\nclass TestA:\n    def test_two(self):\n        pass\n"
KILLS = "import os\nprint('last words', flush=True)\nos.kill(os.getpid(), 9)\n"


def suite(folder: Path, ini: str = "") -> None:
    write(folder, **{f"tests__test_{name}": PLAIN for name in "abc"}, tests____init__="")
    write(folder, **{"pytest.ini": f"[pytest]\n{ini}"})


def ids_and_files(folder: Path, *args: str) -> tuple[list[str], str]:
    """The list that the plugin's run prints, and its count of files by where they came from."""
    said = pytest_output(folder, *COLLECT, *args)
    found = re.search(r"fastcollect-meta: \d+ files \((.*?)\)", said)
    assert found, said
    return said.partition("\n\n")[0].splitlines(), found[1]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("tests/test_a.py",), "1 here"),
        (("tests/test_a.py::TestA::test_two", "tests/test_a.py::test_one[2]"), "1 here"),
        (("tests/test_b.py", "-k", "two", "tests/../tests/test_a.py"), "2 here"),
        (("tests/test_a.py", "tests/test_b.py", "tests/test_c.py"), "3 farm"),
        (("tests/test_a.py", "tests"), "3 farm"),
        (("--pyargs", "tests.test_a"), "1 farm"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_where_there_is_no_farm(tmp_path: Path, args: tuple[str, ...], expected: str) -> None:
    suite(tmp_path)
    native = pytest_output(tmp_path, *COLLECT, *args, plugin=False).partition("\n\n")[0]
    ids, files = ids_and_files(tmp_path, *args)
    assert (ids, files) == (native.splitlines(), expected)


@pytest.mark.parametrize(("manifest", "again"), [("kept", "2 manifest"), ("no", "2 here")])
def test_the_next_run(tmp_path: Path, manifest: str, again: str) -> None:
    suite(tmp_path)
    args = ("tests/test_b.py", "tests/test_a.py::TestA", f"--manifest={manifest}")
    native = pytest_output(tmp_path, *COLLECT, *args[:2], plugin=False).partition("\n\n")[0]
    for expected in ("2 here", again):
        assert ids_and_files(tmp_path, *args) == (native.splitlines(), expected)


def test_files_that_the_ini_file_names_are_no_arguments(tmp_path: Path) -> None:
    suite(tmp_path, "testpaths = tests/test_a.py\n")
    assert ids_and_files(tmp_path)[1] == "1 farm"


def test_an_option_of_a_conftest_takes_a_file(tmp_path: Path) -> None:
    """Before conftests are loaded it looks like an argument."""
    suite(tmp_path)
    write(tmp_path, conftest="def pytest_addoption(parser):\n    parser.addoption('--data')\n")
    for manifest in ("kept", "no"):
        args = (f"--manifest={manifest}", "--data", "tests/test_a.py")
        assert ids_and_files(tmp_path, *args)[1] == "3 farm"


def test_a_record_of_other_options_is_no_reason_for_a_farm(tmp_path: Path) -> None:
    suite(tmp_path)
    assert ids_and_files(tmp_path)[1] == "3 farm"
    assert ids_and_files(tmp_path, "--import-mode=importlib", "tests/test_a.py")[1] == "1 here"


@pytest.mark.parametrize("manifest", ["kept", "no"])
def test_a_file_that_kills_its_process_is_one_error(tmp_path: Path, manifest: str) -> None:
    suite(tmp_path)
    write(tmp_path, tests__test_b=KILLS)
    args = (*COLLECT, f"--manifest={manifest}", "tests/test_b.py", "tests/test_a.py")
    for _ in range(2):
        said = pytest_output(tmp_path, *args, status=2)
        assert "1 failed" in said and "SIGKILL" in said and "last words" in said
        assert "3 tests collected, 1 error" in said


def test_threads_keep_the_main_process_from_forking(tmp_path: Path) -> None:
    suite(tmp_path)
    write(
        tmp_path,
        conftest="import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n",
    )
    assert ids_and_files(tmp_path, "tests/test_a.py")[1] == "1 farm"
