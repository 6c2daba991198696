"""Plugins that were passed to pytest.main() as objects: no other process has them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import pytest
from passed import Plugin
raise SystemExit(pytest.main(["-q", "-p", "fastcollect_meta", "--workers=2"], plugins=[Plugin()]))
"""
#: What a plugin may do besides reporting, and what becomes of it: tests that pass.
MATTERING = {
    "generates": (
        "def pytest_generate_tests(self, metafunc):\n        metafunc.parametrize('number', [1, 2, 3])",
        3,
    ),
    "has-fixture": ("@pytest.fixture\n    def number(self):\n        return 1", 1),
    "under-another-name": (
        "@pytest.hookimpl(specname='pytest_generate_tests')\n"
        "    def pytest_sessionfinish(self, metafunc):\n        metafunc.parametrize('number', [1, 2])",
        2,
    ),
}


def run(folder: Path, body: str) -> str:
    (folder / "passed.py").write_text(f"import pytest\n\nclass Plugin:\n    {body}\n")
    (folder / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=150,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("kind", MATTERING)
def test_one_that_matters(tmp_path: Path, kind: str) -> None:
    (tmp_path / "test_a.py").write_text("def test_number(number): assert number\n")
    body, passed = MATTERING[kind]
    output = run(tmp_path, body)
    assert f"{passed} passed" in output
    assert "stood aside: plugins were passed as objects" in output


def test_one_that_reports(tmp_path: Path) -> None:
    """What an IDE passes is called as always, and workers collect."""
    (tmp_path / "test_a.py").write_text("def test_a(): pass\n")
    (tmp_path / "test_b.py").write_text("def test_b(): pass\n")
    output = run(
        tmp_path,
        "def pytest_collection_finish(self, session):\n"
        "        print('collected', [item.name for item in session.items])\n"
        "    def pytest_runtest_logreport(self, report):\n"
        "        print(report.when, report.nodeid)\n",
    )
    assert "collected ['test_a', 'test_b']" in output
    assert "call test_b.py::test_b" in output
    assert "2 passed" in output
    assert "2 files (2 farm)" in output
