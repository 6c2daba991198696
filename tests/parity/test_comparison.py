"""The comparison finds each kind of difference, so that every parity case can fail."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from perturb import PERTURBATIONS
from sameness import TESTS, Outcome, Workspace, differences, run

SUITE = {
    "pytest.ini": "[pytest]\nmarkers = slow(n)\n",
    "test_it.py": """
import pytest

@pytest.mark.slow(1)
@pytest.mark.parametrize("a", [1, 2])
def test_a(a): pass

def test_b(): pass
""",
}
EXPECTED = {
    "drop": "items:",
    "swap": "order, first at",
    "mark": "items.own_markers",
    "rename": "items.chain",
    "move": "items.location",
    "keyword": "items.keywords",
    "value": "deep.params",
    "argument": "deep.marks",
    "fail": "outcomes",
    "print": "printed:",
    "write": "order.txt:",
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    base = tmp_path_factory.mktemp("comparison")
    source = base / "source"
    source.mkdir()
    for name, text in SUITE.items():
        (source / name).write_text(text)
    return Workspace(source, base / "suite")


@pytest.fixture(scope="module")
def native(workspace: Workspace, probe: Path) -> Outcome:
    return perturbed(workspace, probe, "")


def perturbed(workspace: Workspace, probe: Path, how: str) -> Outcome:
    workspace.reset()
    env = {"FCM_PERTURB": how, "PYTHONPATH": str(TESTS / "support") + ":" + str(probe)}
    return run(workspace.folder, ["-p", "perturb"], probe=probe, deep=True, env=env)


def test_nothing_is_found_where_nothing_differs(
    workspace: Workspace, native: Outcome, probe: Path, compare: ModuleType
) -> None:
    assert len(native.data["items"]) == 3
    assert differences(compare, native, perturbed(workspace, probe, ""), deep=True) == []


@pytest.mark.parametrize("how", EXPECTED)
def test_a_difference_is_found(
    how: str, workspace: Workspace, native: Outcome, probe: Path, compare: ModuleType
) -> None:
    found = differences(compare, native, perturbed(workspace, probe, how), deep=True)
    assert any(line.startswith(EXPECTED[how]) for line in found), found


def test_every_perturbation_is_expected() -> None:
    assert PERTURBATIONS.keys() < EXPECTED.keys()
