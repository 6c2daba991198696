"""A test file that adds to a registry changes the tests of files that come after it: as natively, in every process."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from inner import pytest_output, write
from test_manifest import command

pytest_plugins = ["pytester"]

#: test_b, test_d and test_f see what was registered before them.
READER = """
import pytest
from registry import NAMES
@pytest.mark.parametrize("name", list(NAMES))
def test_registered(name):
    assert name in NAMES
"""


INI = "[pytest]\npythonpath = .\n"
FILES = {
    name: textwrap.dedent(text)
    for name, text in {
        "registry": "NAMES = ['zero']",
        # it takes so long that the other worker has collected what follows when it is known
        "test_a_registrar": """
            import time
            time.sleep(0.5)
            import registry
            registry.NAMES.append("one")
            def test_one(): pass
        """,
        "test_b": READER,
        "test_c_plain": "def test_plain(): pass",
        "test_d": READER,
        "test_e_registrar": """
            import os
            import registry
            registry.NAMES.append("two")
            os.environ["REGISTERED"] = "two"
            def test_two(): pass
        """,
        "test_f": READER,
        "test_g": """
            import os, pytest
            @pytest.mark.parametrize("value", [os.environ.get("REGISTERED", "nothing")])
            def test_environment(value): assert value == os.environ.get("REGISTERED", "nothing")
        """,
    }.items()
}


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini(INI)
    pytester.makepyfile(**FILES)
    return pytester


def listed(suite: pytest.Pytester, *args: str) -> list[str]:
    result = suite.runpytest_subprocess("--collect-only", "-q", *args, timeout=120)
    assert result.ret == 0
    return [line for line in result.outlines if "::" in line]


FARM = ("-p", "fastcollect_meta", "--workers=2")


@pytest.mark.parametrize(
    "args", [(), ("test_d.py", "test_e_registrar.py", "test_b.py"), ("test_f.py",)]
)
def test_same_list(suite: pytest.Pytester, args: tuple[str, ...]) -> None:
    native = listed(suite, *args)
    assert listed(suite, *FARM, *args) == native
    assert listed(suite, *FARM, *args) == native


def test_records_hold_where_they_were_made(suite: pytest.Pytester) -> None:
    """A run of some files doesn't use what was recorded when others had been imported before, nor spoil it."""
    parts: list[tuple[str, ...]] = [(), ("test_d.py",), ("test_b.py", "test_c_plain.py"), ()]
    for args in parts:
        assert listed(suite, *FARM, *args) == listed(suite, *args)
    # test_plain is the same everywhere; the readers are not, and have been recorded anew
    result = suite.runpytest_subprocess(*FARM, "--collect-only", "-q", timeout=120)
    result.stdout.fnmatch_lines(["fastcollect-meta: 7 files (7 manifest), 0 imported*"])


def test_run_imports_registrars_first(suite: pytest.Pytester) -> None:
    for args in ((), ("-k", "test_registered and two"), ("-k", "environment")):
        native = suite.runpytest_subprocess(*args, timeout=120).parseoutcomes()
        assert suite.runpytest_subprocess(*FARM, *args, timeout=120).parseoutcomes() == native


def test_edited_registrar(suite: pytest.Pytester) -> None:
    assert listed(suite, *FARM) == listed(suite)
    path: Path = suite.path / "test_a_registrar.py"
    path.write_text(path.read_text().replace('"one"', '"another"'))
    native = listed(suite)
    assert any("another" in name for name in native)
    assert listed(suite, *FARM) == native


def lister(folder: Path) -> Callable[..., list[str]]:
    """The suite in a folder in which nothing else is written; what the plugin lists there."""
    write(folder, **FILES)
    write(folder, **{"pytest.ini": INI})

    def run(*args: str) -> list[str]:
        said = pytest_output(folder, "--collect-only", "-q", *args)
        return said.partition("\n\n")[0].splitlines()

    return run


def test_list_and_check_know_registrars(tmp_path: Path) -> None:
    """`fastcollect-meta list` prints no record that a run of the same files would not use."""
    run = lister(tmp_path)
    ids = run()
    assert command(tmp_path, "list") == (0, ids, "")
    assert command(tmp_path, "check")[:2] == (0, ["7 of 7 files are valid"])
    # asked for without the registrars before it, test_b would have other tests
    status, found, said = command(tmp_path, "list", "test_b.py", "test_c_plain.py")
    assert (status, found) == (3, [])
    assert "2 files left out: collected when other files that change registries" in said
    status, found, _ = command(tmp_path, "list", "--no-check", "test_b.py")
    assert (status, found) == (0, [name for name in ids if name.startswith("test_b.py")])
    # with the first of them alone it has those that were recorded
    part = ("test_a_registrar.py", "test_b.py", "test_g.py")
    status, found, _ = command(tmp_path, "list", *part)
    assert (status, found) == (3, [name for name in ids if name.startswith(part[:2])])
    # a run of one file takes the place of its record
    alone = run("test_d.py")
    assert command(tmp_path, "list", "test_d.py")[:2] == (0, alone)
    status, found, _ = command(tmp_path, "list")
    assert (status, found) == (3, [name for name in ids if not name.startswith("test_d.py")])
    status, lines, _ = command(tmp_path, "check")
    assert status == 3
    assert [line for line in lines if ": stale: " in line] == [
        f"{tmp_path}/test_d.py: stale: import order: other files that change registries or filters of warnings come before it now"
    ]
    assert run() == ids
    assert command(tmp_path, "list")[:2] == (0, ids)


def test_a_stale_registrar_still_comes_first(tmp_path: Path) -> None:
    """What comes after a registrar that has changed isn't taken for what comes after none."""
    run = lister(tmp_path)
    ids = run()
    path: Path = tmp_path / "test_a_registrar.py"
    path.write_text(path.read_text().replace('"one"', '"another"'))
    status, found, _ = command(tmp_path, "list")
    assert status == 3
    # all that depends on what was registered depends on the file that registered it
    assert set(found) <= {"test_c_plain.py::test_plain"}
    assert run() != ids


def test_what_forking_changes_is_nobodys(tmp_path: Path) -> None:
    """A library that clears its containers in a child that was forked makes no file a registrar."""
    forkwise = """
import os
HELD = ["the parent's"]
os.register_at_fork(after_in_child=HELD.clear)
"""
    write(tmp_path, forkwise=forkwise, conftest="import forkwise", **{"pytest.ini": INI})
    write(tmp_path, **{f"test_{name}": "def test_pass(): pass" for name in "abcd"})
    said = pytest_output(tmp_path, "--collect-only", "-q")
    assert "fastcollect-meta: 4 files (4 farm)" in said
    # it has no registrars before it that would have to come first
    assert command(tmp_path, "list", "test_d.py") == (0, ["test_d.py::test_pass"], "")


def test_other_names_of_ignored_containers(tmp_path: Path) -> None:
    """A module that holds sys.modules, as twisted's does, makes no registrar of each file that imports something."""
    held = "import sys\nMODULES = sys.modules\n"
    write(tmp_path, held=held, conftest="import held", **{"pytest.ini": INI})
    for name in "abcd":
        write(
            tmp_path,
            **{f"only_{name}": "", f"test_{name}": f"import only_{name}\ndef test_pass(): pass"},
        )
    said = pytest_output(tmp_path, "--collect-only", "-q")
    assert "fastcollect-meta: 4 files (4 farm)" in said
    assert command(tmp_path, "list", "test_d.py") == (0, ["test_d.py::test_pass"], "")


def test_hypothesis_counts_its_own_work(tmp_path: Path) -> None:
    """What hypothesis notes of modules and strategies makes no file that uses it a registrar."""
    pytest.importorskip("hypothesis")
    text = """
from hypothesis import given, strategies

@given(strategies.one_of(strategies.integers(), strategies.text()))
def test_pass(value): pass
"""
    write(tmp_path, **{"pytest.ini": INI})
    write(tmp_path, **{f"test_{name}": text for name in "abcd"})
    said = pytest_output(tmp_path, "--collect-only", "-q")
    assert "fastcollect-meta: 4 files (4 farm)" in said
    assert command(tmp_path, "list", "test_d.py") == (0, ["test_d.py::test_pass"], "")


def test_trio_counts_its_own_work(tmp_path: Path) -> None:
    """The functions that trio protects from Ctrl-C, counted where it is loaded, are no registry."""
    pytest.importorskip("trio")
    write(tmp_path, conftest="import trio", **{"pytest.ini": INI})
    text = "import trio\n@trio.lowlevel.enable_ki_protection\ndef test_pass(): pass"
    write(tmp_path, **{f"test_{name}": text for name in "abcd"})
    pytest_output(tmp_path, "--collect-only", "-q")
    assert command(tmp_path, "list", "test_d.py") == (0, ["test_d.py::test_pass"], "")


def outcomes(suite: pytest.Pytester, *args: str) -> dict[str, int]:
    result = suite.runpytest_subprocess(*args, timeout=120)
    return {name: number for name, number in result.parseoutcomes().items() if name != "seconds"}


@pytest.mark.parametrize(
    "args", [(), ("-k", "one or registered"), ("--deselect", "test_b.py"), ("-k", "two or one")]
)
def test_tests_that_run_in_another_order(suite: pytest.Pytester, args: tuple[str, ...]) -> None:
    # What a registrar registers isn't seen by the tests of a file before it, though it is imported first.
    suite.makeconftest("def pytest_collection_modifyitems(items): items.reverse()")
    native = outcomes(suite, *args)
    assert outcomes(suite, *FARM, *args) == native
    assert outcomes(suite, *FARM, *args) == native


def test_registrar_before_a_file_that_is_collected_natively(suite: pytest.Pytester) -> None:
    native = outcomes(suite)
    suite.makeini(f"{INI}fastcollect_meta_native = test_g.py\n")
    assert outcomes(suite, *FARM) == native
    assert outcomes(suite, *FARM) == native


def test_run_of_a_few_imports_only_what_matters(suite: pytest.Pytester) -> None:
    outcomes(suite, *FARM)
    result = suite.runpytest_subprocess(*FARM, "-k", "test_two", timeout=120)
    result.assert_outcomes(passed=1, deselected=10)
    # the registrar itself and the one before it
    result.stdout.fnmatch_lines(["fastcollect-meta: 7 files (7 manifest), 2 imported here since*"])


def test_edited_file_has_only_registrars_imported_before_it(tmp_path: Path) -> None:
    """In the fork that collects it; no test of the files before a registrar runs there."""
    trace = "open('imported', 'a').write(__name__ + ' ')\n"
    write(
        tmp_path,
        **{"pytest.ini": INI},
        conftest="import registry",
        registry="NAMES = ['zero']",
        test_a=trace + "def test_a(): pass",
        test_b=trace + "import registry; registry.NAMES.append('one')\ndef test_b(): pass",
        test_c=trace + READER,
    )
    pytest_output(tmp_path, "--collect-only", "-q")
    (tmp_path / "imported").unlink()
    write(tmp_path, test_c=trace + READER + "# edited\n")
    said = pytest_output(tmp_path, "--collect-only", "-q")
    assert "(1 here, 2 manifest)" in said or "(2 manifest, 1 here)" in said
    assert "test_c.py::test_registered[one]" in said
    assert (tmp_path / "imported").read_text().split() == ["test_b", "test_c"]
