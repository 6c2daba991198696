"""The commands that answer from a manifest: what they print, and that what describes them knows each of them."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from operator import itemgetter
from pathlib import Path

import fastcollect_meta
import pytest
from fastcollect_meta import binaries
from inner import pytest_output, write
from test_manifest import COLLECT, collected, command

ROOT = Path(__file__).parents[2]
SUITE = """
import pytest
pytestmark = pytest.mark.whole

@pytest.mark.sized(1, n=2)
@pytest.mark.opaque(object())
@pytest.mark.parametrize("value, other", [(1, None), ("x", object())])
def test_values(value, other): pass

class TestGroup:
    @pytest.mark.own
    def test_in(self): pass
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write(folder, a__test_a=SUITE, b__test_b="def test_b(): pass\n")
    write(folder, **{"pytest.ini": "[pytest]\n", "b__helper.txt": ""})
    pytest_output(folder, *COLLECT)
    return folder


def test_json(project: Path) -> None:
    """Names, lines, markers and parameters."""
    status, lines, _ = command(project, "list", "--json")
    found = json.loads("\n".join(lines))
    opaque = {"opaque": True}
    whole = {"name": "whole", "args": [], "kwargs": {}}
    markers = [
        {"name": "parametrize", "args": opaque, "kwargs": opaque},
        {"name": "opaque", "args": opaque, "kwargs": opaque},
        {"name": "sized", "args": [1], "kwargs": {"n": 2}},
        whole,
    ]
    assert status == 0
    assert [test["id"] for test in found] == command(project, "list")[1]
    assert found[:3] == [
        {
            "id": "a/test_a.py::test_values[1-None]",
            "name": "test_values[1-None]",
            "function": "test_values",
            "line": 5,
            "markers": markers,
            "parameters": {"value": 1, "other": None},
        },
        {
            "id": "a/test_a.py::test_values[x-other1]",
            "name": "test_values[x-other1]",
            "function": "test_values",
            "line": 5,
            "markers": markers,
            "parameters": {"value": "x", "other": opaque},
        },
        {
            "id": "a/test_a.py::TestGroup::test_in",
            "name": "test_in",
            "function": "test_in",
            "line": 11,
            "markers": [{"name": "own", "args": [], "kwargs": {}}, whole],
            "parameters": {},
        },
    ]


def test_show(project: Path) -> None:
    """Of a file what it depends on, of a test what --json has."""
    status, lines, _ = command(project, "show", "b/test_b.py")
    assert (status, lines[0]) == (0, f"{project}/b/test_b.py")
    assert "  tests 1" in lines and "  valid" in lines
    assert f"  file {project}/b/test_b.py" in lines
    status, lines, _ = command(project, "show", "a/test_a.py::test_values[1-None]")
    listed = json.loads("\n".join(command(project, "list", "--json")[1]))
    assert (status, json.loads("\n".join(lines))) == (0, listed[0])
    for name in ("a/nowhere.py", "a/test_a.py::test_nowhere"):
        status, lines, err = command(project, "show", name)
        assert (status, lines) == (1, [])
        assert err == f"fastcollect-meta: {name}: the manifest holds nothing of it\n"
    assert command(project, "show")[0] == 2


def test_export(project: Path) -> None:
    """The manifest, then each file."""
    status, lines, _ = command(project, "export")
    manifest, *files = map(json.loads, lines)
    assert status == 0
    assert manifest["product"] == fastcollect_meta.__version__
    assert manifest["sections"][0]["rootdir"] == str(project)
    assert {file["path"] for file in files} == {
        f"{project}/a/test_a.py",
        f"{project}/b/test_b.py",
    }
    listed = json.loads("\n".join(command(project, "list", "--json")[1]))
    tests = [test for file in files for test in file["tests"]]
    assert sorted(tests, key=itemgetter("id")) == sorted(listed, key=itemgetter("id"))
    assert all(["file", file["path"]] in file["depends"] for file in files)


def test_doctor(project: Path) -> None:
    status, lines, _ = command(project, "doctor", FASTCOLLECT_META_PYTHON=sys.executable)
    said = dict(re.split(r" +", line, maxsplit=1) for line in lines if " " in line)
    assert status == 0
    assert said["executable"] == sys.executable
    assert said["python"] == ".".join(map(str, sys.version_info[:3]))
    assert said["pytest"] == pytest.__version__
    assert said["coordinator"] == said["plugin"] == fastcollect_meta.__version__
    assert re.match(r"\d+ \(", said["cores"])
    assert said["mode"].partition(":")[0] in ("embedding", "extension")


def commands() -> list[str]:
    """Names that --help gives, without the one that the plugin starts."""
    status, lines, _ = command(ROOT, "--help")
    assert status == 0
    named = [found[1] for line in lines if (found := re.match(r"  ([a-z]+)  +\S", line))]
    return [name for name in named if name != "serve"]


def test_what_describes_the_commands() -> None:
    """Help, manual page, reference page and completions know every command and its options."""
    assert command(ROOT, "--version")[:2] == (
        0,
        [f"fastcollect-meta {fastcollect_meta.__version__}"],
    )
    manual = (ROOT / "completions/fastcollect-meta.1").read_text().replace("\\-", "-")
    reference = (ROOT / "docs/manifest.md").read_text() + (ROOT / "docs/reference.md").read_text()
    completions = [
        (ROOT / "completions" / name).read_text()
        for name in ("_fastcollect-meta", "fastcollect-meta.bash")
    ]
    names = commands()
    assert {"list", "check", "show", "export", "build", "doctor"} <= set(names)
    for name in names:
        status, lines, _ = command(ROOT, name, "--help")
        assert status == 0 and lines[0].startswith(f"usage: fastcollect-meta {name}")
        options = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", "\n".join(lines), re.MULTILINE))
        for text in (manual, *completions):
            assert name in text
            assert not [option for option in options - {"--help"} if option not in text], name
        assert f"`{name}" in reference or f"fastcollect-meta {name}" in reference


def test_bash_completes(tmp_path: Path) -> None:
    """What bash would offer after the first letters of a command."""
    script = (
        f". {ROOT}/completions/fastcollect-meta.bash; COMP_WORDS=(fastcollect-meta l); COMP_CWORD=1; "
        "$(complete -p fastcollect-meta | sed 's/.*-F \\([^ ]*\\).*/\\1/') fastcollect-meta l fastcollect-meta; "
        'echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert done.stdout.split() == ["list"], done.stderr


def test_build_shows_progress_on_a_terminal(tmp_path: Path) -> None:
    write(tmp_path, **{f"test_{name}": "def test_it(): pass\n" for name in "abcd"})
    program = binaries.coordinator()
    assert program is not None
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [program, "build", "--workers=1"],
            cwd=tmp_path,
            env={**os.environ, "FASTCOLLECT_META_PYTHON": sys.executable},
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        drawn = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # as Linux says that the other end is closed
                break
            if not part:
                break
            drawn += part
        out, _ = process.communicate(timeout=100)
    finally:
        os.close(ours)
    assert process.returncode == 0
    assert out.startswith(b"4 tests collected in ")
    assert re.search(rb"\r.*files", drawn), drawn


def test_where_stale_files_are_collected(tmp_path: Path) -> None:
    """Few quick ones in the main process; ones that took long by the farm."""
    slow = "import time\ntime.sleep(1.5)\ndef test_slow(): pass\n"
    write(tmp_path, test_quick="def test_quick(): pass\n", test_slow=slow, test_other="")
    assert collected(tmp_path) == "3 farm"
    write(tmp_path, test_quick="def test_quicker(): pass\n")
    assert collected(tmp_path) == "1 here, 2 manifest"
    write(tmp_path, test_slow=slow + "\n# edited\n")
    assert collected(tmp_path) == "1 farm, 2 manifest"
    assert collected(tmp_path) == "3 manifest"


def test_section_written_last_is_listed(tmp_path: Path) -> None:
    """Records made under other options are a section of their own; a larger one is pointed out, with what lists it."""
    write(tmp_path, test_a="def test_a(): pass", test_b="def test_b(): pass")
    write(tmp_path, **{"pytest.ini": "[pytest]\n"})
    pytest_output(tmp_path, *COLLECT)
    everything = command(tmp_path, "list")
    assert everything == (0, ["test_a.py::test_a", "test_b.py::test_b"], "")
    pytest_output(tmp_path, *COLLECT, "-W", "error", "test_b.py")
    status, lines, said = command(tmp_path, "list")
    assert (status, lines) == (0, ["test_b.py::test_b"])
    named = re.search(r"the 1 files collected last; .* 2 are known: --section ([0-9a-f]{8})", said)
    assert named
    assert command(tmp_path, "list", "--section", named[1]) == everything
