"""Allocations of Python objects that fail in our C code, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from faultruns import run, write_suite

pytest.importorskip("_testcapi")

# No docstrings: inspect.getdoc() takes a lack of memory for a lack of text.
MODULE = """\
import pytest, warnings
print("printed")
warnings.warn("warned")

@pytest.mark.parametrize("x, y", [(1, "b"), (2.5, None), ((1, [2]), {"k": b"v"}), (1j, {1, "a"})])
@pytest.mark.skipif(False, reason="none")
def test_values(x, y):
    pass

class TestGroup:
    @pytest.fixture(params=[1, object])
    def fix(self, request):
        return request.param

    @pytest.mark.xfail(reason="some", strict=True)
    def test_with(self, fix):
        pass
"""


def test_records(tmp_path: Path) -> None:
    write_suite(tmp_path, {"test_m.py": MODULE}, healthy=1)
    native = run(tmp_path, farm=False)
    count = tmp_path / "count"
    result = run(
        tmp_path,
        *("-p", "fastcollect_meta", "--workers=0", "-p", "no_memory"),
        farm=False,
        env={"FAULT_CALLS": str(count)},
        limit=150,
    )
    assert (result.status, result.ids) == (native.status, native.ids), result
    assert int(count.read_text()) > 500
