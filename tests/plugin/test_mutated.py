"""Some of the changes of mutations.py in whole runs; tests/faults/mutate_projects.py tries them all."""

from __future__ import annotations

import pytest
from mutation_runs import MutatedProject, mutations

CHANGES = (
    "edit lib/deep/data.json",
    "rewrite lib/helper.py",
    "replace tests/b/test_base.py",
    "delete tests/b/__init__.py",
    "add tests/a/test_new.py",
    "add lib/cases/three.txt",
    "variable APP_MODE=fancy",
    "option -o python_functions=test check",
    "config: path",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> MutatedProject:
    return MutatedProject(tmp_path_factory.mktemp("mutated"))


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_with_the_manifest_is_as_one_without(project: MutatedProject, name: str) -> None:
    (change,) = (change for change in mutations.changes() if change.name == name)
    assert project.wrong(change) == []
