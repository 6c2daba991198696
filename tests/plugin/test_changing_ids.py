"""Test ids that are others with each import: their file is collected natively, and its tests pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastcollect_meta.changing_ids import changing_name
from inner import pytest_output, write

IMPORTS = "import datetime, pytest, time, uuid\n"
CHANGING = {
    "address": "repr(object())",
    "hexadecimal": "hex(id(pytest) | 0x7f0000000000)",
    "uuid": "str(uuid.uuid4())",
    "now": "str(datetime.datetime.now())",
    "date": "time.strftime('%d.%m.%Y')",
    "time": "time.strftime('%H:%M:%S')",
    "seconds": "str(time.time())",
    "nanoseconds": "str(time.time_ns())",
}
STABLE = (
    "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
    "2001-02-03 04:05:06",
    "0xffffffff",
    "1700000000",
    "<function f at 0x7f0123456789>",
)


@pytest.mark.parametrize("expression", CHANGING.values(), ids=CHANGING)
def test_is_seen(expression: str, tmp_path: Path) -> None:
    namespace: dict[str, object] = {}
    exec(f"{IMPORTS}shown = {expression}", namespace)
    (tmp_path / "test_a.py").write_text(expression)
    name = f"test_a[x-{namespace['shown']}-y]"
    assert changing_name(["test_a[0]", name, "test_b"], tmp_path / "test_a.py") == name


def test_collected_natively(tmp_path: Path) -> None:
    test = "@pytest.mark.parametrize('shown', {})\ndef test_a(shown): pass\n"
    write(
        tmp_path,
        test_changing=IMPORTS + test.format(f"[{', '.join(CHANGING.values())}]"),
        test_stable=IMPORTS + test.format(repr(STABLE)),
    )
    for origin in ("1 farm, 1 natively", "1 manifest, 1 natively"):
        said = pytest_output(tmp_path, "-v")
        counts = {
            part.strip() for part in said.partition(" files (")[2].partition(")")[0].split(",")
        }
        assert counts == set(origin.split(", "))
        assert "1 x changing-ids" in said
        assert f"{len(CHANGING) + len(STABLE)} passed" in said
