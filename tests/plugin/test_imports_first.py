"""The modules of the tests that run are imported before the first of them, as by pytest alone."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

#: Leaves something that the import of the other looks for; both say that they have been imported.
LEAVES = """
import os, string
open("imported-" + __name__, "w").close()

def test_leaves():
    string.left = 1
"""
LOOKS = """
import string
open("imported-" + __name__, "w").close()
FOUND = hasattr(string, "left")

def test_looks():
    assert not FOUND
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(test_leaves=LEAVES, test_looks=LOOKS, test_other=LOOKS)
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest_subprocess(
        "-p", "fastcollect_meta", "--manifest=kept", *arguments, timeout=120
    )


def warm(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Of a run from the manifest, with no trace of what had been imported before."""
    run(project, "--collect-only", "--workers=2")
    for trace in project.path.glob("imported-*"):
        trace.unlink()
    return run(project, *arguments)


def imported(project: pytest.Pytester) -> list[str]:
    return sorted(path.name.removeprefix("imported-") for path in project.path.glob("imported-*"))


@pytest.mark.parametrize("workers", ["0", "2"])
def test_leftovers_of_tests_are_not_seen(project: pytest.Pytester, workers: str) -> None:
    for _ in range(2):
        run(project, f"--workers={workers}").assert_outcomes(passed=3)


def test_those_whose_tests_do_not_run_are_not_imported(project: pytest.Pytester) -> None:
    warm(project, "-k", "test_leaves or test_looks.py").assert_outcomes(passed=2, deselected=1)
    assert imported(project) == ["test_leaves", "test_looks"]


def test_nothing_is_imported_for_a_list(project: pytest.Pytester) -> None:
    assert warm(project, "--collect-only").ret == 0
    assert imported(project) == []


def test_nothing_is_imported_where_errors_end_the_run(project: pytest.Pytester) -> None:
    project.makepyfile(test_zz_broken="raise ValueError")
    assert warm(project).ret == pytest.ExitCode.INTERRUPTED
    assert imported(project) == []


def test_late(project: pytest.Pytester) -> None:
    result = warm(project, "-x", "-o", "fastcollect_meta_imports=late")
    result.assert_outcomes(passed=1, failed=1)
    assert imported(project) == ["test_leaves", "test_looks"]


def test_first_in_workers_of_xdist(project: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    result = run(
        project, "-p", "xdist", "-n1", "--workers=2", "-o", "fastcollect_meta_imports=first"
    )
    result.assert_outcomes(passed=3)


def test_wrong_value(project: pytest.Pytester) -> None:
    result = run(project, "-o", "fastcollect_meta_imports=never")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*fastcollect_meta_imports: expected auto, first or late*"])


def test_what_imports_log_is_not_printed(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_logs="import logging\nlogging.warning('at import')\ndef test_pass(): pass"
    )
    for _ in range(2):
        result = run(project, "--workers=2", "-s")
        result.assert_outcomes(passed=4)
        assert "at import" not in result.stdout.str() + result.stderr.str()
