"""Exact and fast test collection for pytest: `-p fastcollect_meta` turns it on.

PYTEST_DONT_REWRITE: in a zygote this package is loaded before pytest is, which pytest would warn of.
"""

from __future__ import annotations

from fastcollect_meta._version import __version__

__all__ = ["__version__"]

#: pytest loads the hooks from here when it is told to load the package.
pytest_plugins = ("fastcollect_meta.plugin",)
