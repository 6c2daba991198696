"""What was recorded of a project is compared with the project after each of many changes: who would notice?"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "parity"))
import mutations
from fastcollect_meta.environment import value_of
from test_dependencies import Project, Recorded


def seen(path: str) -> str | None:
    """State of a file or a listing."""
    try:
        if os.path.isdir(path):
            return repr(sorted(name for name in os.listdir(path) if name != "__pycache__"))
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return None


class State:
    """The world as one set of dependencies had it."""

    def __init__(self, found: dict[str, Any], shared: dict[str, str | None]) -> None:
        self.found = found
        for path in (*found["files"], *found["directories"]):
            if path not in shared:
                shared[path] = seen(path)
        self.shared = shared

    def changes(self, folder: Path) -> list[str]:
        """What isn't as it was, of what lies in a folder."""
        prefix = str(folder) + "/"
        found = self.found
        changed = [
            path
            for path in (*found["files"], *found["directories"])
            if path.startswith(prefix) and seen(path) != self.shared[path]
        ]
        return changed + [
            path for path in found["absent"] if path.startswith(prefix) and os.path.lexists(path)
        ]

    def variables(self, environ: dict[str, str]) -> list[str]:
        """Variables that have another value there."""
        now = {os.fsencode(name): os.fsencode(value) for name, value in environ.items()}
        pairs = zip(self.found["env_names"], self.found["env_values"], strict=True)
        return [name for name, was in pairs if value_of(os.fsencode(name), now) != os.fsencode(was)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Recorded]:
    folder = tmp_path_factory.mktemp("mutations") / "project"
    folder.mkdir()
    project = Project(folder)
    mutations.write(folder)
    return project, project.record()


def test_each_change_is_noticed_by_whom_it_concerns(recorded: tuple[Project, Recorded]) -> None:
    project, before = recorded
    shared: dict[str, str | None] = {}
    states = {name: State(before.of(name), shared) for name in mutations.TESTS}
    assert not any(before.of(name)["volatile_reason"] for name in mutations.TESTS)
    base = State(before.base, shared)
    environ = dict(os.environ)
    wrong: list[str] = []
    for change in mutations.changes():
        change.apply(project.folder)
        stale: set[str] = set()
        why: dict[str, list[str]] = {}
        for name, state in states.items():
            why[name] = state.changes(project.folder) + base.changes(project.folder)
            why[name] += state.variables({**environ, **change.environ})
            if why[name]:
                stale.add(name)
        mutations.write(project.folder)
        if change.kind in ("option", "config"):
            continue
        wrong += [f"{change.name}: {name} misses it" for name in change.notice - stale]
        wrong += [f"{change.name}: {name} is stale by {why[name]}" for name in change.keep & stale]
    assert not wrong, "\n".join(wrong)


def test_options_and_configuration(recorded: tuple[Project, Recorded]) -> None:
    project, before = recorded
    base = State(before.base, {})
    key = before.data["key"]
    wrong: list[str] = []
    for change in mutations.changes():
        if change.kind not in ("option", "config"):
            continue
        change.apply(project.folder)
        stale = bool(base.changes(project.folder))
        stale |= project.record(*change.args).data["key"] != key
        mutations.write(project.folder)
        if stale != bool(change.notice):
            wrong.append(change.name)
    assert not wrong
    shutil.rmtree(project.folder)
