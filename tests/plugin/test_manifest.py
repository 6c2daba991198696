"""The manifest in whole runs: what the second run is served, what `list` and `check` say, what bad input does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastcollect_meta import binaries
from inner import pytest_output, write

COLLECT = ("--collect-only", "-q", "-p", "no:randomly")
GROUPED = """
import pytest

@pytest.fixture(params=["p", "q"], scope="module")
def one(request):
    pass

@pytest.fixture(params=[1, 2], scope="class")
def two(request):
    pass

def test_first(one): pass
def test_plain(): pass
def test_second(one): pass

class TestA:
    def test_m(self, two): pass
    def test_n(self, two, one): pass
"""


def command(folder: Path, *args: str, **variables: str) -> tuple[int, list[str], str]:
    """Exit status, lines and stderr of `fastcollect-meta`."""
    program = binaries.coordinator()
    assert program is not None
    done = subprocess.run(
        [program, *args],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def collected(folder: Path, *args: str) -> str:
    """What the plugin says of its files."""
    said = pytest_output(folder, *COLLECT, *args)
    found = re.search(r"fastcollect-meta: \d+ files \((.*?)\)", said)
    assert found, said
    return found[1]


def native_ids(folder: Path, *args: str) -> list[str]:
    said = pytest_output(folder, *COLLECT, *args, plugin=False)
    return said.partition("\n\n")[0].splitlines()


def test_what_python_writes_and_terminals_differ_in_makes_nothing_stale(tmp_path: Path) -> None:
    write(
        tmp_path,
        helper="import os\nNAMES = os.listdir(os.path.dirname(__file__))\n",
        test_listing="import helper\n\n\ndef test_a():\n    pass\n",
        test_width="import shutil\n\nWIDTH = shutil.get_terminal_size()\n\n\ndef test_b():\n    pass\n",
        test_version="import importlib.metadata as m\n\nV = m.version('pytest')\n\n\ndef test_c():\n    pass\n",
    )
    write(tmp_path, **{"pytest.ini": "[pytest]\npythonpath = .\n"})
    assert collected(tmp_path) == "3 farm"
    assert (tmp_path / "__pycache__").is_dir()
    assert collected(tmp_path) == "3 manifest"
    status, lines, _ = command(tmp_path, "check")
    assert (status, lines) == (0, ["3 of 3 files are valid"])
    (tmp_path / "notes.txt").write_text("")
    status, lines, _ = command(tmp_path, "check")
    assert status == 3
    stale = [line for line in lines if ": stale: " in line]
    assert len(stale) == 1 and "test_listing.py: stale" in stale[0]


def test_an_unkept_file_concerns_no_other(tmp_path: Path) -> None:
    write(tmp_path, test_good="def test_a():\n    pass\n", test_bad="import nothing_of_that_name\n")
    pytest_output(tmp_path, *COLLECT, status=2)
    status, lines, err = command(tmp_path, "list")
    assert (status, lines) == (3, ["test_good.py::test_a"])
    assert "1 file without a record is left out" in err
    (tmp_path / "test_bad.py").write_text("def test_b():\n    pass\n")
    _, lines, _ = command(tmp_path, "check")
    assert not any(": stale: " in line for line in lines)


OVERLAPPING = [
    ("tests/a/test_x.py::TestA::test_n", "tests/a/test_x.py", "tests/b"),
    ("tests/b/test_y.py::test_one[2]", "tests/b/test_y.py::test_one"),
]


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("tests/b", "tests/a"),
        ("tests/b/test_y.py::test_two", "tests/b/test_y.py::test_one"),
        *OVERLAPPING,
        ("-k", "first or test_n", "tests"),
        ("-m", "slow"),
    ],
    ids=lambda args: " ".join(args) or "all",
)
def test_list_is_what_pytest_prints(tmp_path: Path, args: tuple[str, ...]) -> None:
    write(
        tmp_path,
        tests__a__test_x=GROUPED,
        tests__b__test_y="import pytest\n\n\n@pytest.mark.parametrize('x', [1, 2])\ndef test_one(x):\n    pass\n\n\n"
        "@pytest.mark.slow\ndef test_two():\n    pass\n",
    )
    write(tmp_path, **{"pytest.ini": "[pytest]\nmarkers = slow\n"})
    collected(tmp_path)
    status, lines, err = command(tmp_path, "list", *args)
    native = native_ids(tmp_path, *args)
    if args in OVERLAPPING and pytest.version_tuple < (9,):
        # which lists them where each argument stands
        assert (status, set(lines)) == (3, set(native))
        assert "arguments overlap: " in err
        return
    assert (status, lines, err) == (0, native, "")


def test_folders_in_another_order_than_their_names(tmp_path: Path) -> None:
    """Which order pytest is asked for by default, `list` doesn't know: it says so where it was another one."""
    write(tmp_path, a__test_a="def test_a():\n    pass\n", b__test_b="def test_b():\n    pass\n")
    write(tmp_path, **{"pytest.ini": "[pytest]\ntestpaths = b a\n"})
    collected(tmp_path)
    ids = native_ids(tmp_path)
    assert ids == ["b/test_b.py::test_b", "a/test_a.py::test_a"]
    status, lines, err = command(tmp_path, "list")
    assert (status, lines) == (3, ids[::-1])
    assert "name them to have their tests in their order" in err
    assert command(tmp_path, "list", "b", "a") == (0, ids, "")
    assert command(tmp_path, "list", "a") == (0, ids[1:], "")


def test_ids_outside_of_the_root_folder(tmp_path: Path) -> None:
    write(tmp_path, suite__deep__test_a="def test_a():\n    pass\n")
    write(tmp_path, **{"project__pytest.ini": "[pytest]\n"})
    suite = str(tmp_path / "suite")
    collected(tmp_path / "project", "--rootdir=.", suite)
    ids = native_ids(tmp_path / "project", "--rootdir=.", suite)
    assert ids == ["deep/test_a.py::test_a"]
    assert command(tmp_path / "project", "list") == (0, ids, "")
    assert command(tmp_path / "project", "list", suite) == (0, ids, "")


def test_new_and_deleted_files_are_noticed(tmp_path: Path) -> None:
    write(tmp_path, a__test_a="def test_a():\n    pass\n", b__test_b="def test_b():\n    pass\n")
    collected(tmp_path, "a", "b")
    assert command(tmp_path, "list")[0] == 0
    write(tmp_path, b__test_new="def test_new():\n    pass\n")
    status, lines, err = command(tmp_path, "list")
    assert (status, lines) == (3, ["a/test_a.py::test_a", "b/test_b.py::test_b"])
    assert "1 folder has other entries than when pytest walked it" in err
    assert command(tmp_path, "list", "a") == (0, ["a/test_a.py::test_a"], "")
    status, lines, _ = command(tmp_path, "check")
    assert status == 3 and f"{tmp_path}/b: other entries than when pytest walked it" in lines
    collected(tmp_path, "a", "b")
    assert command(tmp_path, "list")[0] == 0
    (tmp_path / "b" / "test_new.py").unlink()
    status, lines, _ = command(tmp_path, "list")
    assert (status, lines) == (3, ["a/test_a.py::test_a", "b/test_b.py::test_b"])
    collected(tmp_path, "a", "b")
    assert command(tmp_path, "list")[0] == 0


def damaged(good: bytes) -> dict[str, bytes]:
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 16
    future = bytearray(good)
    future[8] = 99
    huge = bytearray(good)
    huge[16:24] = b"\xff" * 8
    return {
        "truncated": good[: len(good) // 2],
        "flipped": bytes(flipped),
        "empty": b"",
        "foreign": b"this is somebody's text\n" * 20,
        "future": bytes(future),
        "huge": bytes(huge),
    }


@pytest.mark.parametrize("kind", ["truncated", "flipped", "empty", "foreign", "future", "huge"])
def test_a_bad_manifest_costs_one_line(tmp_path: Path, kind: str) -> None:
    write(tmp_path, test_a="def test_a():\n    pass\n")
    manifest = tmp_path / "kept.manifest"
    collected(tmp_path, f"--manifest={manifest}")
    bad = damaged(manifest.read_bytes())[kind]
    manifest.write_bytes(bad)
    said = pytest_output(tmp_path, *COLLECT, f"--manifest={manifest}")
    assert "test_a.py::test_a" in said and "Traceback" not in said
    lines = [line for line in said.splitlines() if "the manifest " in line]
    # what was never whole may have a whole first half
    assert len(lines) <= 1 and (lines or kind == "flipped"), said
    if kind == "foreign":
        assert manifest.read_bytes() == bad
        assert command(tmp_path, "list", f"--manifest={manifest}")[0] == 1
    else:
        assert command(tmp_path, "list", f"--manifest={manifest}")[1] == ["test_a.py::test_a"]


@pytest.mark.parametrize("kind", ["directory", "device", "no folder", "no permission", "full"])
def test_a_place_that_takes_no_manifest_costs_one_line(tmp_path: Path, kind: str) -> None:
    write(tmp_path, suite__test_a="def test_a():\n    pass\n")
    place = tmp_path / "place"
    mounted = False
    if kind == "directory":
        place.mkdir()
    elif kind == "device":
        place = Path("/dev/null")
    elif kind == "no folder":
        place = tmp_path / "nowhere" / "manifest"
    elif kind == "no permission":
        if os.geteuid() == 0:
            pytest.skip("root may write anywhere")
        place.mkdir(mode=0o500)
        place /= "manifest"
    else:
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(place)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("a small file system can't be mounted here")
        mounted = True
        place /= "manifest"
    try:
        said = pytest_output(tmp_path / "suite", *COLLECT, f"--manifest={place}")
        left = sorted(p.name for p in place.parent.iterdir()) if mounted else []
    finally:
        if mounted:
            subprocess.run(["umount", str(place.parent)], check=True)
    assert "test_a.py::test_a" in said and "Traceback" not in said
    assert (
        len([line for line in said.splitlines() if "manifest" in line and "farm" not in line]) == 1
    ), said
    assert "manifest" not in left


def test_a_full_disk_leaves_the_old_manifest(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can't be mounted here")
    try:
        write(tmp_path, suite__test_a="def test_a():\n    pass\n")
        manifest = place / "manifest"
        collected(tmp_path / "suite", f"--manifest={manifest}")
        old = manifest.read_bytes()
        free = os.statvfs(place)
        (place / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize))
        write(tmp_path, suite__test_b="def test_b():\n    pass\n")
        said = pytest_output(tmp_path / "suite", *COLLECT, f"--manifest={manifest}")
        assert "test_b.py::test_b" in said and "could not be written" in said
        assert manifest.read_bytes() == old
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_files_that_are_never_served(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_calm="def test_a():\n    pass\n",
        test_declared="def test_b():\n    pass\n",
        test_process="import subprocess\n\nsubprocess.run(['true'])\n\n\ndef test_c():\n    pass\n",
        test_socket="import socket\n\nsocket.socket().bind(('127.0.0.1', 0))\n\n\ndef test_d():\n    pass\n",
    )
    write(tmp_path, **{"pytest.ini": "[pytest]\nfastcollect_meta_volatile = *declared.py\n"})
    assert collected(tmp_path) == "4 farm"
    assert collected(tmp_path) == "3 here, 1 manifest"
    assert collected(tmp_path) == "3 here, 1 manifest"
    status, lines, err = command(tmp_path, "list")
    assert (status, lines) == (3, ["test_calm.py::test_a"])
    assert "3 files without a record are left out" in err


def test_build(tmp_path: Path) -> None:
    write(tmp_path, test_a="def test_a():\n    pass\n", test_b="def test_b():\n    pass\n")
    python = {"FASTCOLLECT_META_PYTHON": sys.executable}
    status, lines, _ = command(tmp_path, "build", "-o", "x.manifest", "--workers=2", **python)
    assert status == 0 and len(lines) == 1 and lines[0].startswith("2 tests collected in ")
    assert command(tmp_path, "list", "--manifest=x.manifest")[1] == native_ids(tmp_path)
    # the plugin may be named as well
    status, lines, _ = command(tmp_path, "build", "--", "-p", "fastcollect_meta", **python)
    assert status == 0 and command(tmp_path, "list")[1] == native_ids(tmp_path)
    (tmp_path / "test_b.py").write_text("import nothing_of_that_name\n")
    status, lines, _ = command(tmp_path, "build", **python)
    assert status == 2 and any("No module named" in line for line in lines)
    assert command(tmp_path, "build", "--", "nowhere", **python)[0] == 4
    assert command(tmp_path, "build", "--nonsense")[0] == 2


def test_progress(tmp_path: Path) -> None:
    write(tmp_path, **{f"test_{name}": "def test_it():\n    pass\n" for name in "abcd"})
    reader, writer = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "fastcollect_meta", *COLLECT],
            cwd=tmp_path,
            env={**os.environ, "FASTCOLLECT_META_PROGRESS": str(writer)},
            pass_fds=[writer],
            stdout=subprocess.DEVNULL,
            timeout=100,
            check=False,
        )
    finally:
        os.close(writer)
        with open(reader, encoding="ascii") as told:
            numbers = [tuple(map(int, line.split())) for line in told]
    assert done.returncode == 0
    assert numbers and all(0 <= n <= total <= 4 for n, total in numbers)
    assert numbers == sorted(numbers)
