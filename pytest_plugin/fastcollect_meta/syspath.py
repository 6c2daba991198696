"""What sys.path is at each file of a collection, without importing the files before it.

Under the import modes `prepend` and `append`, pytest puts the root of each test file into sys.path when it
imports the file, and leaves it there. A worker that collects a file in the middle has to see the entries of
all files before it, and none of those after it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field


def insert_root(path: list[str], root: str, mode: str) -> None:
    """Change `path` as pytest does when it imports a test file from `root` in that import mode."""
    if mode == "prepend":
        if not path or path[0] != root:
            path.insert(0, root)
    elif mode == "append" and root not in path:
        path.append(root)


def begins_with(path: list[str], wanted: list[str]) -> bool:
    """Whether a search along `path` finds all that one along `wanted` finds: at the end nothing hides anything."""
    seen, known = list(dict.fromkeys(path)), list(dict.fromkeys(wanted))
    return seen[: len(known)] == known


@dataclass(slots=True)
class _Change:
    """A change of sys.path that happened during the walk, such as by a conftest."""

    before: list[str]
    after: list[str]

    def apply(self, path: list[str], mode: str) -> None:
        known = len(self.before)
        for front in range(len(self.after) - known + 1):
            if self.after[front : front + known] == self.before:
                path[:0] = self.after[:front]
                path.extend(self.after[front + known :])
                return
        kept = [entry for entry in path if entry not in self.before]
        path[:] = kept + [entry for entry in self.after if entry not in kept]


@dataclass(slots=True)
class _Root:
    """A test file is imported."""

    root: str

    def apply(self, path: list[str], mode: str) -> None:
        insert_root(path, self.root, mode)


@dataclass(slots=True)
class SysPathPlan:
    """sys.path by file, in the order of the walk.

    mode: pytest's import mode. Made when the walk begins; `note` is called for each file as it is found.
    """

    mode: str
    _start: list[str] = field(default_factory=lambda: list(sys.path))
    _seen: list[str] = field(default_factory=lambda: list(sys.path))
    _steps: list[_Change | _Root] = field(default_factory=list)
    _places: list[int] = field(default_factory=list)
    #: Files that are imported by way of sys.path: the step at their place is their own.
    _imported: set[int] = field(default_factory=set)
    # State after the first `_at` steps; moves forward with the files that are asked for.
    _at: int = 0
    _path: list[str] = field(default_factory=lambda: list(sys.path))

    def note(self, root: str | None) -> None:
        """The next file of the walk is imported from `root`, None if that doesn't go by sys.path."""
        if sys.path != self._seen:
            now = list(sys.path)
            self._steps.append(_Change(self._seen, now))
            self._seen = now
        self._places.append(len(self._steps))
        if root is not None:
            self._imported.add(len(self._places) - 1)
            self._steps.append(_Root(root))

    def before(self, index: int) -> list[str]:
        """sys.path when the import of file `index` (from 0) begins."""
        place = self._places[index]
        if place < self._at:
            self._at = 0
            self._path = list(self._start)
        for step in self._steps[self._at : place]:
            step.apply(self._path, self.mode)
        self._at = place
        return list(self._path)

    def after(self, index: int) -> list[str]:
        """sys.path once file `index` has been imported."""
        path = self.before(index)
        place = self._places[index]
        if index in self._imported:
            self._steps[place].apply(path, self.mode)
        return path

    def heals(self, index: int, path: list[str]) -> bool:
        """Whether `path`, left behind by file `index`, makes no difference to the files after it, and to tests.

        It makes none when the entry that was lost, or put behind others, is the root that the next file
        inserts again.
        """
        path = list(path)
        place = self._places[index]
        if index not in self._imported:
            return path == list(dict.fromkeys(self.before(index)))  # it isn't imported by sys.path
        wanted = self.after(index)
        if place + 1 < len(self._steps):
            following = self._steps[place + 1]
            if not isinstance(following, _Root):
                return False
            for candidate in (path, wanted):
                following.apply(candidate, self.mode)
        # behind the last file come the tests
        return list(dict.fromkeys(path)) == list(dict.fromkeys(wanted))
