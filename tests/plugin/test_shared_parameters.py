"""Classes and functions as parameters of session and package scope group the tests of several files, as natively."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastcollect_meta import _native, _wire
from inner import pytest_output, write

HELPERS = """
class One: pass
class Two: pass
def three(): pass
"""
#: `own` is grouped across the files by what only they have loaded.
SUITE = """
import pytest
from helpers import One, Two, three

@pytest.mark.parametrize("own", [One, Two, three], scope="session")
def test_own(own): assert own in (One, Two, three)

def test_shared(shared): assert shared in (int, str)

class TestIn:
    @pytest.mark.parametrize("other", [three, One], scope="package")
    def test_both(self, other, shared): pass
"""
CONFTEST = """
import pytest

@pytest.fixture(params=[int, str], scope="session")
def shared(request): return request.param
"""


@pytest.mark.parametrize("native", ["", "test_b.py", "test_a.py test_c.py"])
def test_order_is_pytests(tmp_path: Path, native: str) -> None:
    ini = f"[pytest]\npythonpath = .\nfastcollect_meta_native = {native}\n"
    write(tmp_path, helpers=HELPERS, conftest=CONFTEST)
    write(tmp_path, **{f"test_{name}": SUITE for name in "abc"})
    write(tmp_path, **{"pytest.ini": "[pytest]\npythonpath = .\n"})
    said = pytest_output(tmp_path, "--collect-only", "-q", plugin=False)
    expected = [line for line in said.splitlines() if "::" in line]
    # tests of several files stand together
    assert [line.split("::")[0] for line in expected[:3]] == ["test_a.py", "test_b.py", "test_c.py"]
    write(tmp_path, **{"pytest.ini": ini})
    number = len(native.split())
    for origin in ("farm", "manifest"):
        said = pytest_output(tmp_path, "--collect-only", "-q")
        assert [line for line in said.splitlines() if "::" in line] == expected
        natively = f", {number} natively" if number else ""
        assert f"3 files ({3 - number} {origin}{natively}), 0 imported here" in said
    assert "27 passed" in pytest_output(tmp_path, "-q")


@pytest.mark.skipif(pytest.version_tuple < (8, 1), reason="pytest 8.0 compares their numbers")
def test_what_has_no_name_goes_native(tmp_path: Path) -> None:
    """Objects of other kinds, functions without a place in a module, and classes whose metaclass compares them."""
    text = """
import pytest

class Meta(type):
    def __eq__(cls, other): return True
    def __hash__(cls): return 1
class Compared(metaclass=Meta): pass

@pytest.mark.parametrize("value", [{value}], scope="session", ids=["value"])
def test_value(value): pass
"""
    values = ("object()", "lambda: 0", "Compared")
    for number, value in enumerate(values):
        write(tmp_path, **{f"test_{number}": text.replace("{value}", value)})
    said = pytest_output(tmp_path, "--collect-only", "-q", "--collect-report")
    assert f"{len(values)} x shared-parameter" in said


def test_name_must_be_there() -> None:
    """A record whose key names a string that it doesn't have is refused."""
    packed = (Path(__file__).parents[1] / "fuzz/corpus/record/named-keys").read_bytes()
    record = _wire.unpack("Record", packed)
    assert _native.Record(packed).call(1)[-1] == ("helpers:One",)
    named = 1 << 31
    at = next(i for i, entry in enumerate(record["list_item"]) if entry >= named)
    last = len(record["strings"]) - 1
    record["list_item"][at] = named + last
    _native.Record(_wire.pack("Record", record))
    record["list_item"][at] = named + last + 1
    with pytest.raises(ValueError, match="record"):
        _native.Record(_wire.pack("Record", record))
