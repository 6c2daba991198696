"""Some of the changes of mutations.py in whole runs; tests/faults/mutate_projects.py tries them all."""

from __future__ import annotations

from pathlib import Path

from mutation_runs import MutatedProject, mutations


def test_a_run_with_the_manifest_is_as_one_without(tmp_path: Path) -> None:
    project = MutatedProject(tmp_path)
    kinds: dict[str, list[mutations.Change]] = {}
    for change in mutations.changes():
        kinds.setdefault(change.kind, []).append(change)
    sample = [change for same in kinds.values() for change in same[:: max(1, len(same) // 2)][:2]]
    assert len(sample) >= 14
    assert [line for change in sample for line in project.wrong(change)] == []
