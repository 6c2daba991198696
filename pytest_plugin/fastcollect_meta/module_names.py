"""Files whose modules can't be imported together: `sys.modules` has one place for a name, and the first one takes it."""

from __future__ import annotations

import os
from collections import defaultdict

import pytest

from . import compat


class ModuleNames:
    """The names that files of a run take, their own and that of the outermost package that they are imported from."""

    def __init__(self, locator: compat.ModuleLocator) -> None:
        self._locator = locator
        #: By name: the files that take it, by what would be imported.
        self._takers: defaultdict[str, dict[str, list[pytest.File]]] = defaultdict(dict)
        self._packages: dict[str, bool] = {}

    def note(self, node: pytest.File) -> None:
        """A file of the run."""
        for name, source in self._names(node):
            self._takers[name].setdefault(source, []).append(node)

    def clash(self, node: pytest.File) -> str | None:
        """A name of the file that others have taken for something else."""
        for name, source in self._names(node):
            if self._takers[name].keys() - {source}:
                return name
        return None

    def namesakes(self, node: pytest.File) -> list[pytest.File]:
        """The files that have taken a name of this file for something else."""
        return [
            other
            for name, source in self._names(node)
            for taken, nodes in self._takers[name].items()
            if taken != source
            for other in nodes
        ]

    def _names(self, node: pytest.File) -> list[tuple[str, str]]:
        """Names with what is imported by them: a path, of a package its folder's."""
        located = self._locator.locate(node)
        if located is None:
            return []
        root, name = located
        top = name.partition(".")[0]
        folder, _, file = os.fspath(node.path).rpartition(os.sep)
        found = [(name, folder if file == "__init__.py" else os.fspath(node.path))]
        package = os.path.join(root, top)
        if top != name and self._is_package(package):
            found.append((top, package))
        return found

    def _is_package(self, folder: str) -> bool:
        known = self._packages.get(folder)
        if known is None:
            path = os.path.join(folder, "__init__.py")
            known = self._packages[folder] = os.path.isfile(path)
        return known
