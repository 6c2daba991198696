"""Options that make no sense, or that others define: pytest's usage error, in one line."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

OURS = ("-p", "fastcollect_meta")
OTHER = ("-p", "other")


@pytest.mark.parametrize("given", ["-1", "many", "1.5"])
def test_workers_that_are_no_number(pytester: pytest.Pytester, given: str) -> None:
    result = pytester.runpytest_subprocess(*OURS, f"--workers={given}", timeout=120)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --workers: *{given!r}*"])
    result.stderr.no_fnmatch_line("Traceback*")


@pytest.mark.parametrize("args", [OURS + OTHER, OTHER + OURS], ids=["later", "before"])
@pytest.mark.parametrize("group", ["parser.getgroup('other')", "parser"], ids=["group", "parser"])
def test_another_plugin_has_workers(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], group: str
) -> None:
    """As pytest-parallel does."""
    pytester.makepyfile(
        other=f"def pytest_addoption(parser):\n    {group}.addoption('--workers', dest='others')"
    )
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    result = pytester.runpytest_subprocess(*args, timeout=120)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: fastcollect_meta: another plugin defines --workers too*"])
    result.stderr.no_fnmatch_line("Traceback*")


def test_turned_off_for_one_run(pytester: pytest.Pytester) -> None:
    """The command line comes after addopts, which has loaded the plugin."""
    pytester.makeini("[pytest]\naddopts = -p fastcollect_meta")
    pytester.makepyfile("def test_a(): pass")
    result = pytester.runpytest_subprocess("-p", "no:fastcollect_meta", timeout=120)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("fastcollect-meta*")
    assert not (pytester.path / ".pytest_cache/d/fastcollect-meta").exists()
    result = pytester.runpytest_subprocess(timeout=120)
    result.stdout.fnmatch_lines(["fastcollect-meta: 1 files*"])
