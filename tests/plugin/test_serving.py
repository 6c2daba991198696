"""Runs in which workers must have collected the files: the summary says so."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    "args", [(), ("-W", "error"), ("-o", "filterwarnings=error"), ("--strict-config",), ("-q",)]
)
def test_workers_collect(pytester: pytest.Pytester, args: tuple[str, ...]) -> None:
    """Warnings that are errors don't keep the zygote from preparing."""
    pytester.makepyfile(test_one="def test_a(): pass", test_two="def test_b(): pass")
    plugin = ("-p", "fastcollect_meta", "--workers=1", "--manifest=no")
    result = pytester.runpytest_subprocess(*plugin, *args, timeout=120)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["fastcollect-meta: 2 files (2 farm)*"])
