"""A file whose tests are others each time that it is imported: an error that says so, never another test."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

ASKING = """
def pytest_collection_modifyitems(items):
    for item in items:
        item.function
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(
        test_changing="""
            import time, pytest
            @pytest.mark.parametrize("x", [str(time.time_ns() % 10**9)])
            def test_time(x): pass
            def test_plain(): pass
        """,
        test_other="def test_other(): pass",
    )
    return pytester


def run(suite: pytest.Pytester, *args: str) -> pytest.RunResult:
    plugin = ("-p", "fastcollect_meta", "--workers=1")
    return suite.runpytest_subprocess(*plugin, *args, timeout=120)


@pytest.mark.parametrize(
    ("args", "ending"),
    [
        ((), "*Interrupted: 1 error during collection*"),
        (("--collect-only", "-q"), "*Interrupted: 1 error during collection*"),
        (("--continue-on-collection-errors",), "*Interrupted: the tests of a file differ*"),
        (("-x",), "*stopping after 1 failures*"),
    ],
)
def test_asked_while_collecting(suite: pytest.Pytester, args: tuple[str, ...], ending: str) -> None:
    """A hook that can't get an object ends the collection as an error of the file."""
    suite.makeconftest(ASKING)
    result = run(suite, *args)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        [
            "*ERROR collecting test_changing.py*",
            "the tests of *test_changing.py differ from its metadata:",
            "  not there any more: test_changing.py::test_time*",
            "  not in the metadata: test_changing.py::test_time*",
            "ERROR test_changing.py*",
            ending,
        ]
    )
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    result.stdout.no_fnmatch_line("* passed*")


def test_hook_that_survives(suite: pytest.Pytester) -> None:
    """The run ends there, too, when the hook has asked for a test that is still there."""
    suite.makeconftest(ASKING.replace("item.function", "item.name != 'test_plain' or item.obj"))
    result = run(suite)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR collecting test_changing.py*"])
    assert run(suite, "--continue-on-collection-errors", "-p", "no:cacheprovider").ret == 2


def test_next_run_is_native(suite: pytest.Pytester) -> None:
    """The manifest forgets the file's tests and remembers that they change."""
    suite.makeconftest(ASKING)
    assert run(suite).ret == pytest.ExitCode.INTERRUPTED
    result = run(suite, "--collect-report")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*1 x unstable:*"])


def test_while_running(suite: pytest.Pytester) -> None:
    """Without such a hook it is found when the first test of the file is about to run."""
    result = run(suite)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["the tests of *test_changing.py differ from its metadata:"])
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] == 2
    assert outcomes.get("errors", outcomes.get("error")) == 1
