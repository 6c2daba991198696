"""Plugins that put a function of their own in the place of a collector's `collect`, as pytest-asyncio did before 1.0."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

#: Adds a name to the module before its tests are collected.
REPLACING = """
import pytest

def pytest_collectstart(collector):
    if type(collector).__name__ == "Module":
        def patched():
            collector.obj.added = collector.name
            return collector.original()
        collector.original = collector.collect
        collector.collect = patched
    elif type(collector).__name__ == "Class":
        def patched():
            return [node for node in original() if node.name != "test_dropped"]
        original = collector.collect
        collector.collect = patched
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(REPLACING)
    pytester.makepyfile(
        test_a="""
            import pytest
            pytestmark = pytest.mark.filterwarnings("ignore")
            def test_added(): assert added == "test_a.py"
            class TestIt:
                def test_kept(self, request):
                    assert [mark.name for mark in request.node.iter_markers()] == ["filterwarnings"]
                def test_dropped(self): assert False
        """,
        test_b="def test_added(): assert added == 'test_b.py'",
        test_c="raise ValueError('this is shown')",
    )
    return pytester


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("manifest", [False, True])
def test_file_is_collected_natively(suite: pytest.Pytester, workers: int, manifest: bool) -> None:
    more = ["--manifest=m", "-p", "no:cacheprovider"] if manifest else []
    args = ["-p", "fastcollect_meta", f"--workers={workers}", *more]
    args += ["--continue-on-collection-errors"]
    for _ in range(1 + manifest):
        result = suite.runpytest_subprocess(*args, timeout=120)
        result.assert_outcomes(passed=3, errors=1)
        result.stdout.fnmatch_lines(["E   ValueError: this is shown"])
        result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_only_read(suite: pytest.Pytester) -> None:
    """A hook that looks at a collector's function leaves it as it is."""
    suite.makeconftest("def pytest_collectstart(collector): collector.collect")
    suite.makepyfile(test_a="def test_a(): pass", test_b="def test_b(): pass")
    args = ("-p", "fastcollect_meta", "--workers=1")
    result = suite.runpytest_subprocess(*args, "--ignore=test_c.py", timeout=120)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["fastcollect-meta: 2 files (2 farm)*"])


def test_deadly_file_is_not_imported_here(suite: pytest.Pytester) -> None:
    """What ends a worker is an error, even where the replacement would import it."""
    suite.makepyfile(test_c="import os; os._exit(3)")
    args = ("-p", "fastcollect_meta", "--workers=1", "--continue-on-collection-errors", "-v")
    result = suite.runpytest_subprocess(*args, timeout=120)
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(
        ["*test_c.py could not be collected: *", "*1 x exited: its import ended a worker*"]
    )
