"""Exact and fast test collection for pytest: `-p fastcollect_meta` turns it on."""

from __future__ import annotations

from fastcollect_meta._version import __version__

__all__ = ["__version__"]
