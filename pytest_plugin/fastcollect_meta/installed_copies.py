"""Test files inside of a package of which another copy is installed: the files before them may have imported that one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder

import pytest

from . import compat


class InstalledCopies:
    """The packages that test files lie in, in the order of the run.

    Natively `src/package/tests/test_x.py` can't be imported where a file of another folder has imported `package` from elsewhere,
    before `src` was in sys.path. Whether one has isn't known while they have not been imported.
    """

    def __init__(self, locator: compat.ModuleLocator) -> None:
        self._locator = locator
        self._roots: set[str] = set()
        self._installed: dict[tuple[str, str], bool] = {}
        #: The package that was loaded when this was asked last, and whether it was another one.
        self._loaded: dict[tuple[str, str], tuple[object, bool]] = {}

    def may_be_taken(self, node: pytest.File) -> bool:
        """Take note of the file that is collected next; whether its package may be another one natively."""
        located = self._locator.locate(node)
        if located is None:
            return False
        root, name = located
        others = len(self._roots) > (root in self._roots)
        self._roots.add(root)
        package, dot, _ = name.partition(".")
        if not dot:
            return False
        loaded = sys.modules.get(package)
        if loaded is not None:
            known = self._loaded.get((package, root))
            if known is None or known[0] is not loaded:
                is_other = _is_other(loaded, os.path.join(root, package))
                known = self._loaded[package, root] = (loaded, is_other)
            return known[1]
        return others and self._is_installed(package, root)

    def _is_installed(self, package: str, root: str) -> bool:
        known = self._installed.get((package, root))
        if known is None:
            spec = PathFinder.find_spec(package, [entry for entry in sys.path if entry != root])
            places = spec.submodule_search_locations or () if spec is not None else ()
            known = spec is not None and not _is_among(os.path.join(root, package), places)
            self._installed[package, root] = known
        return known


def _is_other(loaded: object, folder: str) -> bool:
    """Whether a package isn't the one in this folder."""
    attributes = getattr(loaded, "__dict__", {})
    # what is installed to be edited may have a path of its loader's own
    file = attributes.get("__file__")
    places = [*(attributes.get("__path__") or ()), os.path.dirname(file) if file else file]
    return not _is_among(folder, places)


def _is_among(path: str, places: Iterable[object]) -> bool:
    real = os.path.realpath(path)
    return any(real == os.path.realpath(place) for place in places if isinstance(place, str))
