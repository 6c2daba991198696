"""Hooks that are replayed: called while something is new, and not while nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastcollect_meta.replay import ReplayFile
from inner import pytest_output, write

TESTS = """
import pytest


def test_{name}_long():
    "documented"
    x = [1, 2, 3]
    assert sum(x) == 6


def test_{name}_short():
    pass


def test_{name}_gone():
    raise AssertionError
"""
HOOK = """
import pytest


{decorator}
def pytest_collection_modifyitems(items, config):
    open("called", "a").write("x")
    for item in items:
        if item.function.__doc__:
            item.add_marker(pytest.mark.documented(1, by="me"))
    gone = [item for item in items if item.name.endswith("gone")]
    config.hook.pytest_deselected(items=gone)
    left = [item for item in items if item not in gone]
    items[:] = sorted(left, key=lambda item: len(item.function.__code__.co_code), reverse=True)
    {end}
"""
INI = "[pytest]\nfastcollect_meta_hooks = replay: conftest.py::pytest_collection_modifyitems\n"


def _ids(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("test_") and "::" in line]


def _calls(folder: Path) -> int:
    path = folder / "called"
    return len(path.read_text()) if path.exists() else 0


@pytest.mark.parametrize(
    ("decorator", "end"),
    [("", ""), ("@pytest.hookimpl(wrapper=True, tryfirst=True)", "return (yield)")],
    ids=["plain", "wrapper"],
)
def test_what_it_did_is_done_again(tmp_path: Path, decorator: str, end: str) -> None:
    write(
        tmp_path,
        conftest=HOOK.format(decorator=decorator, end=end),
        test_a=TESTS.format(name="a"),
        test_b=TESTS.format(name="b"),
        **{"pytest.ini": INI},
    )
    asked = ("--co", "-q", "-m", "documented or not documented", "--explain-imports")
    native = pytest_output(tmp_path, *asked[:-1], plugin=False)
    assert _ids(native)[0] == "test_a.py::test_a_long"
    before = _calls(tmp_path)
    first = pytest_output(tmp_path, *asked)
    assert _ids(first) == _ids(native)
    assert _calls(tmp_path) == before + 1
    for _ in range(2):
        again = pytest_output(tmp_path, *asked)
        assert _ids(again) == _ids(native)
        assert "4/6 tests collected (2 deselected)" in again
        assert "no module was imported before its tests ran" in again
    assert _calls(tmp_path) == before + 1

    # its markers can be selected by, and the tests run; with other options it may do something else
    chosen = "documented(by='me')" if pytest.version_tuple >= (8, 3) else "documented"
    for _ in range(2):
        said = pytest_output(tmp_path, "-m", chosen, "-q")
        assert "2 passed" in said
        assert _calls(tmp_path) == before + 2

    # a test's body changes, and nothing that a record holds of it
    text = (tmp_path / "test_b.py").read_text()
    (tmp_path / "test_b.py").write_text(text.replace("x = [1, 2, 3]", "x = [2, 2, 2]; y = [x, x]"))
    native = pytest_output(tmp_path, *asked[:-1], plugin=False)
    assert _ids(native)[0] == "test_b.py::test_b_long"
    before = _calls(tmp_path)
    for _ in range(3):
        assert _ids(pytest_output(tmp_path, *asked)) == _ids(native)
    assert before < _calls(tmp_path) <= before + 2


def test_a_damaged_file_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "x.replays"
    good = {"order": [1, 0], "deselected": [], "changes": [[0, 1, [["m", [1], {}]], [], ["k"], []]]}
    file = ReplayFile(path)
    file.put("key", good)
    file.save()
    assert ReplayFile(path).get("key", 2) == good
    assert ReplayFile(path).get("key", 1) is None
    assert ReplayFile(path).get("other", 2) is None
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert ReplayFile(path).get("key", 2) is None
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        found = ReplayFile(path).get("key", 2)
        assert found is None or all(0 <= index < 2 for index in found["order"])
