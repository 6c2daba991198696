"""What is installed was built to make an attacker's life hard: position-independent, read-only relocations, guarded stacks,
checked copies."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from fastcollect_meta import _manifest, _native, _recorder, _wire, _worker, binaries

PROGRAMS = [path for path in (binaries.coordinator(), binaries.worker()) if path]
MODULES = [str(m.__file__) for m in (_manifest, _native, _recorder, _wire, _worker)]


def readelf(*args: str) -> str:
    """What readelf prints."""
    if not shutil.which("readelf"):
        pytest.skip("there is no readelf")
    return subprocess.run(
        ["readelf", "--wide", *args], check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize("path", [*PROGRAMS, *MODULES], ids=lambda path: Path(path).name)
def test_hardening(path: str) -> None:
    dynamic = readelf("--dynamic", path)
    segments = readelf("--segments", path)
    symbols = readelf("--dyn-syms", path)
    assert "Elf file type is DYN" in segments
    if path in PROGRAMS:
        assert "INTERP" in segments and "PIE" in dynamic  # a program, and position-independent
    assert "GNU_RELRO" in segments and "BIND_NOW" in dynamic
    stack = next(line for line in segments.splitlines() if "GNU_STACK" in line)
    assert "RWE" not in stack and " RW " in stack
    assert "TEXTREL" not in dynamic
    if Path(path).name == binaries.WORKER:
        return  # nothing in it has an array on the stack or copies into one
    assert "__stack_chk_fail" in symbols
    if Path(path).name == binaries.COORDINATOR and "__asan" not in symbols:
        assert "_chk@" in symbols  # calls of checked functions: _FORTIFY_SOURCE
