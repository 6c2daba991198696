"""Whether something measures what importing test modules executes: then a module that isn't imported would be missed."""

from __future__ import annotations

import sys


def measures_imports() -> bool:
    """Whether coverage.py is measuring this process, by pytest-cov or by `coverage run`."""
    coverage = sys.modules.get("coverage")
    if coverage is None:
        return False
    current = getattr(getattr(coverage, "Coverage", None), "current", None)
    return current is not None and current() is not None
