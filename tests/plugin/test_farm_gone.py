"""A farm that can't work: what pytest alone gives, and one line that says why."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("manifest", ["no", "kept.manifest"])
def test_a_zygote_that_cannot_prepare(pytester: pytest.Pytester, manifest: str) -> None:
    pytester.makepyfile(test_a="def test_a(): pass", test_b="def test_b(): assert 0")
    pytester.makeconftest(
        "import sys\nif 'fastcollect_meta.zygote' in sys.modules:\n    raise RuntimeError('only there')"
    )
    args = ("-p", "fastcollect_meta", "--workers=2", f"--manifest={manifest}")
    result = pytester.runpytest_subprocess(*args, timeout=120)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "fastcollect-meta: 2 files (2 natively)*",
            "fastcollect-meta: the farm stood aside: *only there*",
        ]
    )
