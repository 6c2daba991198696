"""Parity tests need ../shared/parity; the suites below are their material, not tests of their own."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from sameness import load_compare, shared_parity

collect_ignore = ["suites"]


@pytest.fixture(scope="session")
def probe() -> Path:
    """The folder of compare.py and its probe."""
    folder = shared_parity()
    if folder is None:
        pytest.skip("compare.py is neither in $FCM_SHARED/parity nor in ../shared/parity")
    return folder


@pytest.fixture(scope="session")
def compare(probe: Path) -> ModuleType:
    """compare.py as a module."""
    return load_compare(probe)
