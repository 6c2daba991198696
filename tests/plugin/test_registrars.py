"""A test file that adds to a registry changes the tests of files that come after it: as natively, in every process."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

#: test_b, test_d and test_f see what was registered before them.
READER = """
import pytest
from registry import NAMES
@pytest.mark.parametrize("name", list(NAMES))
def test_registered(name):
    assert name in NAMES
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\npythonpath = .\n")
    pytester.makepyfile(
        registry="NAMES = ['zero']",
        # it takes so long that the other worker has collected what follows when it is known
        test_a_registrar="""
            import time
            time.sleep(0.5)
            import registry
            registry.NAMES.append("one")
            def test_one(): pass
        """,
        test_b=READER,
        test_c_plain="def test_plain(): pass",
        test_d=READER,
        test_e_registrar="""
            import os
            import registry
            registry.NAMES.append("two")
            os.environ["REGISTERED"] = "two"
            def test_two(): pass
        """,
        test_f=READER,
        test_g="""
            import os, pytest
            @pytest.mark.parametrize("value", [os.environ.get("REGISTERED", "nothing")])
            def test_environment(value): assert value == os.environ.get("REGISTERED", "nothing")
        """,
    )
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
