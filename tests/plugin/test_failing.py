"""Files that can't be collected: a later run lets pytest report their errors at once, until something changes that they read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from inner import pytest_output, write
from test_manifest import COLLECT, command

GOOD = "def test_good():\n    pass\n"


def run(folder: Path, *args: str, status: int = 2) -> tuple[str, str]:
    """The count of files by where they came from, and all that was said."""
    said = pytest_output(folder, *COLLECT, "--collect-report", *args, status=status)
    found = re.search(r"fastcollect-meta: \d+ files \((.*?)\)", said)
    assert found, said
    return found[1], said


def assert_known(folder: Path) -> None:
    """Nothing collects the file but pytest, which reports the error, and the commands say so."""
    files, said = run(folder)
    assert files == "1 manifest, 1 natively"
    assert "test_bad.py noted in the manifest" in said and "1 error" in said
    assert "no module" in said.lower() or "RuntimeError" in said
    status, lines, err = command(folder, "list")
    assert (status, lines) == (3, ["test_good.py::test_good"])
    assert "1 file without a record is left out" in err
    status, lines, _ = command(folder, "check")
    assert status == 3 and f"{folder}/test_bad.py: no record was kept" in lines
    assert "1 of 2 files are valid" in lines
    assert command(folder, "show", "test_bad.py")[0] == 0


def assert_healed(folder: Path, files: str = "1 here, 1 manifest") -> None:
    assert run(folder, status=0)[0] == files
    assert run(folder, status=0)[0] == "2 manifest"


@pytest.mark.parametrize("kind", ["appears", "changes", "conftest", "itself", "variable"])
def test_while_what_it_read_is_unchanged(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = {
        "variable": "import os\nif 'FCM_TEST_IT' not in os.environ:\n    raise RuntimeError\n",
        "conftest": "import conftest\nif conftest.X:\n    raise RuntimeError\n",
    }
    source = bad.get(kind, "import helper\n") + "def test_bad():\n    pass\n"
    write(tmp_path, test_good=GOOD, test_bad=source, conftest="X = 1\n")
    write(tmp_path, **{"pytest.ini": "[pytest]\n"})
    if kind == "changes":
        write(tmp_path, helper="import part\n", part="raise RuntimeError\n")
    assert run(tmp_path)[0] == "1 farm, 1 natively"
    assert_known(tmp_path)
    files = "1 here, 1 manifest"
    if kind == "appears":
        write(tmp_path, helper="")
    elif kind == "changes":
        write(tmp_path, part="")
    elif kind == "itself":
        write(tmp_path, test_bad="def test_bad():\n    pass\n")
    elif kind == "conftest":
        write(tmp_path, conftest="X = 0\n")
        files = "2 here"
    else:
        monkeypatch.setenv("FCM_TEST_IT", "1")
    assert_healed(tmp_path, files)


def test_one_that_passes_all_the_same(tmp_path: Path) -> None:
    """Nobody sees who asks for a file's permissions."""
    source = f"import os\nif not os.access({str(tmp_path / 'flag')!r}, os.R_OK):\n    raise RuntimeError\n"
    write(tmp_path, test_good=GOOD, test_bad=source + "def test_bad():\n    pass\n")
    assert run(tmp_path)[0] == "1 farm, 1 natively"
    assert_known(tmp_path)
    (tmp_path / "flag").touch()
    files, said = run(tmp_path, status=0)
    assert files == "1 manifest, 1 natively" and "2 tests collected" in said
    assert_healed(tmp_path)


def test_it_fails_again_in_a_fork(tmp_path: Path) -> None:
    """Of a file that was changed, and has another error now."""
    write(tmp_path, test_good=GOOD, test_bad="import nothing_of_that_name\n")
    assert run(tmp_path)[0] == "1 farm, 1 natively"
    write(tmp_path, test_bad="raise RuntimeError\n")
    files, said = run(tmp_path)
    assert files == "1 manifest, 1 natively" and "noted in the manifest" not in said
    assert_known(tmp_path)


def test_one_that_kills_its_process_now(tmp_path: Path) -> None:
    write(tmp_path, test_good=GOOD, test_bad="import helper\n")
    assert run(tmp_path)[0] == "1 farm, 1 natively"
    assert_known(tmp_path)
    write(tmp_path, helper="import os\nos.kill(os.getpid(), 9)\n")
    for _ in range(2):
        files, said = run(tmp_path)
        assert files == "1 failed, 1 manifest" and "SIGKILL" in said


def test_one_whose_import_starts_a_process_is_not_noted(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_good=GOOD,
        test_bad="import subprocess\nsubprocess.run(['true'])\nraise RuntimeError\n",
    )
    assert run(tmp_path)[0] == "1 farm, 1 natively"
    files, said = run(tmp_path)
    assert files == "1 manifest, 1 natively" and "noted in the manifest" not in said


def test_workers_of_xdist(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    source = f"import os\nif not os.access({str(tmp_path / 'flag')!r}, os.R_OK):\n    raise RuntimeError\n"
    write(tmp_path, test_good=GOOD, test_bad=source + "def test_bad():\n    pass\n")
    assert run(tmp_path)[0] == "1 farm, 1 natively"
    args = ("-p", "no:randomly", "-p", "xdist", "-n2", "--continue-on-collection-errors")
    said = pytest_output(tmp_path, *args, status=1)
    assert "1 passed, 2 errors" in said, "as natively, one of each worker"
    (tmp_path / "flag").touch()
    assert "2 passed" in pytest_output(tmp_path, *args)
    # whose records may be kept apart from those of other runs
    assert [run(tmp_path, status=0)[0] for _ in range(3)][-1] == "2 manifest"
