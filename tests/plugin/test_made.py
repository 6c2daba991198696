"""Hooks that make classes and tests: served from records, made again when tests run, and never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastcollect_meta import _native, _wire
from inner import pytest_output, write
from test_manifest import COLLECT, command

#: Makes a class for each database of a class that wants that, and sorts everything by names.
CONFTEST = """
import pytest

def pytest_collection_modifyitems(items):
    made = {}
    for node in dict.fromkeys(item.getparent(pytest.Class) for item in items):
        if not getattr(node.cls, "each_database", False):
            continue
        made[node] = []
        for database in ("one", "two"):
            name = f"{node.name}_{database}"
            setattr(node.parent.obj, name,
                    type(name, (node.cls,), {"database": database}))
            new = pytest.Class.from_parent(name=name, parent=node.parent)
            new.add_marker(pytest.mark.made(database))
            made[node] += new.collect()
    items[:] = [
        new
        for item in items
        for new in (
            [one for one in made[item.parent] if one.name == item.name]
            if item.parent in made
            else [item]
        )
    ]
    items.sort(key=lambda item: (
        item.getparent(pytest.Module).name, item.getparent(pytest.Class).name, item.name
    ))
"""
SUITE = """
import pytest

class TestPlain:
    def test_b(self): pass
    def test_a(self): pass

class TestDatabase:
    each_database = True
    @pytest.fixture(autouse=True)
    def opened(self): self.open = self.database
    @pytest.fixture
    def letter(self): return self.database[0]
    @pytest.fixture(params=["x", "y"])
    def twice(self, request): return request.param
    def test_open(self): assert self.open == self.database
    @pytest.mark.parametrize("number", [1, 2])
    def test_letter(self, number, letter, twice): assert letter in "ot" and twice in "xy"
    @pytest.mark.skipif("False")
    def test_fails_for_two(self): assert self.database == "one"
"""
HOOK = "conftest.py::pytest_collection_modifyitems"
INI = f"[pytest]\nmarkers = made\nfastcollect_meta_hooks = per-file: {HOOK} sorted by file, class, name\n"


def make(tmp_path: Path, ini: str = INI) -> None:
    write(tmp_path, conftest=CONFTEST, **{"pytest.ini": ini})
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "__init__.py").touch()
        write(tmp_path / folder, test_same=SUITE)
    write(tmp_path, test_zero=SUITE.replace("TestPlain", "TestOther"))


def names_of(said: str) -> list[str]:
    """Lines that name tests, without durations and places."""
    return [
        line.split(" - ")[0]
        for line in said.splitlines()
        if "::" in line and not line.startswith((" ", "fastcollect-meta:"))
    ]


@pytest.mark.parametrize(
    "args",
    [(), ("-k", "two or plain"), ("-m", "made"), ("b", "a"), ("a/test_same.py::TestDatabase",)],
)
def test_the_same_tests_are_listed(tmp_path: Path, args: tuple[str, ...]) -> None:
    make(tmp_path)
    native = names_of(pytest_output(tmp_path, "--co", "-q", *args, plugin=False))
    assert any("_two::" in line for line in native)
    named = any("::" in arg for arg in args)
    for source in ("here" if named else "farm", "manifest"):
        said = pytest_output(tmp_path, "--co", "-q", *args)
        assert names_of(said) == native
        assert f" {source})" in said


def test_nothing_is_imported_for_a_list(tmp_path: Path) -> None:
    make(tmp_path)
    for _ in range(2):
        said = pytest_output(tmp_path, "--co", "-q", "-m", "made", "--explain-imports")
        assert "no module was imported before its tests ran" in said


@pytest.mark.parametrize("args", [(), ("a/test_same.py::TestDatabase::test_open", "b"), ("-n2",)])
def test_they_run_as_natively(tmp_path: Path, args: tuple[str, ...]) -> None:
    if args == ("-n2",):
        pytest.importorskip("xdist")
        args = ("-p", "xdist", "-n2")
    make(tmp_path)
    native = sorted(names_of(pytest_output(tmp_path, "-rA", "-q", *args, plugin=False, status=1)))
    assert any(line.startswith("FAILED") and "_two::test_fails" in line for line in native)
    for _ in range(2):
        assert sorted(names_of(pytest_output(tmp_path, "-rA", "-q", *args, status=1))) == native


def test_a_part_of_a_file_says_why_it_is_imported(tmp_path: Path) -> None:
    make(tmp_path)
    asked = ("--co", "-q", "a/test_same.py::TestDatabase::test_open", "--explain-imports")
    said = pytest_output(tmp_path, *asked)
    assert f"{HOOK} asked for the tests that it makes of a part of a file: 1 modules" in said


def test_a_changed_file_is_collected_anew(tmp_path: Path) -> None:
    make(tmp_path)
    pytest_output(tmp_path, "--co", "-q")
    write(tmp_path, test_zero=SUITE.replace("test_open", "test_opened"))
    native = names_of(pytest_output(tmp_path, "--co", "-q", plugin=False))
    for _ in range(3):
        assert names_of(pytest_output(tmp_path, "--co", "-q")) == native


def test_a_hook_that_does_not_sort_as_declared_is_called(tmp_path: Path) -> None:
    make(tmp_path, INI.replace("file, class, name", "name"))
    said = pytest_output(tmp_path, "--co", "-q", "--collect-report")
    assert "doesn't sort as declared" in said
    native = names_of(pytest_output(tmp_path, "--co", "-q", plugin=False))
    assert names_of(said) == native


def test_tests_that_are_made_in_a_class_of_the_file_go_native(tmp_path: Path) -> None:
    make(tmp_path)
    conftest = (
        "import pytest\n"
        "def pytest_collection_modifyitems(items):\n"
        "    one = items[0]\n"
        "    more = pytest.Function.from_parent(one.parent, name='test_more', callobj=one.obj)\n"
        "    items.append(more)\n"
    )
    write(tmp_path, conftest=conftest)
    ini = f"[pytest]\nfastcollect_meta_hooks = per-file: {HOOK}\n"
    write(tmp_path, **{"pytest.ini": ini})
    said = pytest_output(tmp_path, "--co", "-q", "test_zero.py", "--collect-report")
    assert "makes tests in a collector" in said
    assert "test_zero.py::TestOther::test_more" in said


def test_what_differs_when_it_is_made_again_is_an_error(tmp_path: Path) -> None:
    make(tmp_path)
    # where tests run it makes other classes than in a worker
    databases = '(("one", "two") if role.ROLE == "worker" else ("one", "three"))'
    changed = CONFTEST.replace('("one", "two")', databases)
    write(tmp_path, conftest="from fastcollect_meta import role\n" + changed)
    said = pytest_output(tmp_path, "-q", "test_zero.py", "a", status=None)
    assert "the tests of" in said and "differ from its metadata" in said
    assert "not there any more: test_zero.py::TestDatabase_two::test_open" in said
    assert "not in the metadata: test_zero.py::TestDatabase_three" in said
    native = names_of(pytest_output(tmp_path, "--co", "-q", "test_zero.py", plugin=False))
    assert names_of(pytest_output(tmp_path, "--co", "-q", "test_zero.py")) == native


def test_list_says_that_hooks_change_the_list(tmp_path: Path) -> None:
    make(tmp_path)
    pytest_output(tmp_path, *COLLECT)
    status, _, said = command(tmp_path, "list")
    assert status == 3
    assert "hooks of plugins or conftests change the list" in said


CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus" / "record"


def test_what_was_made_is_checked() -> None:
    plain, hooks, made = ((CORPUS / name).read_bytes() for name in ("plain", "hooks", "made"))
    assert _native.Record(made).made == ("conftest.py::pytest_collection_modifyitems", plain)
    for wrong in (
        {"made": plain},
        {"made": plain, "made_by": 9},
        {"made": plain[:-1], "made_by": 2},
        # it has hooks, or makes something itself
        {"made": hooks, "made_by": 2},
        {"made": made, "made_by": 2},
    ):
        with pytest.raises(ValueError):
            _native.Record(hooks + _wire.pack("Record", wrong))
