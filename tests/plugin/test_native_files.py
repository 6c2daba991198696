"""Files that look as if they had to be collected natively, and don't."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


def test_text_file_is_no_module(pytester: pytest.Pytester) -> None:
    """A doctest's text file isn't imported: it has no module name that another one's could be, and no root in sys.path."""
    pytester.makepyfile(test_same="def test_a(): pass")
    folder = pytester.mkdir("sub")
    (folder / "test_same.txt").write_text(">>> 1 + 1\n2\n")
    result = pytester.runpytest_subprocess(
        "-p", "fastcollect_meta", "--workers=1", "--collect-report", timeout=120
    )
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["fastcollect-meta: 2 files (2 farm)*"])
