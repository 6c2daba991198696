"""Tests inside of a package that is installed elsewhere, too: which copy a file gets depends on the files before it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("imports", ["", "import package\n"], ids=["not imported", "imported"])
def test_installed_copy(
    imports: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file before has imported the installed one, the tests in its copy can't be."""
    monkeypatch.setenv("PYTHONPATH", str(pytester.path / "installed"))
    for place in ("installed", "src"):
        for package in ("package", "package/checks"):
            folder = Path(pytester.path, place, package)
            folder.mkdir(parents=True)
            (folder / "__init__.py").touch()
    for number in (1, 2):
        test = Path(pytester.path, "src", "package", "checks", f"test_{number}.py")
        test.write_text("def test_it(): pass\n")
    pytester.mkdir("first").joinpath("test_first.py").write_text(imports + "def test_it(): pass\n")
    outcomes = {"passed": 1, "errors": 2} if imports else {"passed": 3}
    plugin = ("-p", "fastcollect_meta", "--workers=1", "--collect-report")
    for turned_on in ((), plugin, plugin, plugin):
        result = pytester.runpytest_subprocess(
            *turned_on, "--continue-on-collection-errors", "first", "src", timeout=120
        )
        result.assert_outcomes(**outcomes)
    result.stdout.fnmatch_lines([f"*{2 if imports else 1} x installed-copy*"])
