"""Modules and packages of the same name: only the first one can be imported, whoever has collected the others."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

#: Files by their path, and what of them can't be collected after the rest. `{}` is of no package.
CLASHES = {
    "modules": (["one/test_same.py", "two/test_same.py"], "two/test_same.py"),
    "packages": (
        ["one/two/__init__.py", "one/two/test_b.py", "two/__init__.py", "two/two/__init__.py", "two/two/test_c.py"],
        "two/two/test_c.py",
    ),
    "module and package": (
        ["one/test_x.py", "two/test_x/__init__.py", "two/test_x/test_y.py"], "two/test_x/test_y.py",
    ),
}  # fmt: skip


@pytest.fixture(params=list(CLASHES))
def lost(request: pytest.FixtureRequest, pytester: pytest.Pytester) -> str:
    """A suite; the path of the file that can't be collected."""
    paths, lost = CLASHES[request.param]
    for path in paths:
        file = Path(pytester.path, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("" if path.endswith("__init__.py") else "def test_it(): pass\n")
    return lost


def check(pytester: pytest.Pytester, lost: str, *args: str) -> None:
    args = (*args, "--continue-on-collection-errors")
    result = pytester.runpytest_subprocess(*args, "one", "two", timeout=120)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"*ERROR collecting {lost}*"])


def test_clash(pytester: pytest.Pytester, lost: str) -> None:
    for plugin in ((), ("-p", "fastcollect_meta", "--workers=1")):
        check(pytester, lost, *plugin)


def test_clash_of_what_was_recorded_apart(pytester: pytest.Pytester, lost: str) -> None:
    plugin = ("-p", "fastcollect_meta", "--workers=1", "--manifest=m")
    for folder in ("one", "two"):
        result = pytester.runpytest_subprocess(*plugin, folder, timeout=120)
        result.assert_outcomes(passed=1)
    for _ in range(2):
        check(pytester, lost, *plugin)
    for folder in ("one", "two"):
        result = pytester.runpytest_subprocess(*plugin, folder, timeout=120)
        result.assert_outcomes(passed=1)
