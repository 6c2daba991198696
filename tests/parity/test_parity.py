"""Each suite in suites/, asked in many ways: the plugin's run is the same as the native one."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from cases import QUICK, SPECIAL, SUITES, Case, full, quick, suites
from lines import named
from sameness import MODES, Outcome, Workspace, differences, run


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        cases = full() if metafunc.config.getoption("--full") else quick()
        metafunc.parametrize("case", cases, ids=[case.id for case in cases])


def in_mode(workspace: Workspace, case: Case, mode: str, probe: Path) -> Outcome:
    """The outcome of the case's run in a mode: native, here, farm, or the second of two runs that share a manifest
    (again: of the farm, here-again: in this process)."""
    env = dict(case.env)

    def once(mode: str) -> Outcome:
        args = [*MODES[mode], *case.args]
        return run(workspace.folder / case.folder, args, probe=probe, deep=case.deep, env=env)

    workspace.reset()
    if mode.endswith("again"):
        env["FASTCOLLECT_META_MANIFEST"] = str(workspace.folder.parent / f"manifest-{mode}")
        mode = {"again": "farm", "here-again": "here", "native-again": "native"}[mode]
        once(mode)
        workspace.reset(compiled=False)
    return once(mode)


def test_same(
    case: Case, tmp_path: Path, probe: Path, compare: ModuleType, pytestconfig: pytest.Config
) -> None:
    workspace = Workspace(SUITES / case.suite, tmp_path / "suite")
    if case.before is not None:
        run(workspace.folder / case.folder, case.before, probe=probe)
        workspace.keep()
    natives: dict[str, Outcome] = {}
    found: list[str] = []
    modes = [mode for mode in pytestconfig.getoption("--modes").split(",") if mode]
    for mode in modes or case.modes:
        # Compiled files are there only in the second of two runs, and the compiler warns too.
        likewise = "native-again" if mode.endswith("again") else "native"
        if likewise not in natives:
            natives[likewise] = in_mode(workspace, case, likewise, probe)
        native = natives[likewise]
        plugin = in_mode(workspace, case, mode, probe)
        lines = differences(compare, native, plugin, case.deep, case.text)
        if not lines:
            continue
        again = in_mode(workspace, case, likewise, probe)
        unsteady = differences(compare, native, again, case.deep, case.text)
        if unsteady:
            pytest.fail(
                "\n".join(["native doesn't repeat itself, so the case is useless:", *unsteady])
            )
        found += [f"--- {mode}", *lines]
    if found:
        asked = f"pytest {' '.join(case.args)}   in suites/{case.suite}/{case.folder}"
        pytest.fail("\n".join([asked, *found]), pytrace=False)


def test_cases_have_names_of_their_own() -> None:
    cases = full()
    assert len({case.id for case in cases}) == len(cases)
    assert {case.suite for case in quick()} == set(suites())
    assert {case.id for case in SPECIAL} >= QUICK


def test_each_line_has_a_test() -> None:
    """What has to be exact is shown by tests that are there, and that run by default."""
    ids = {case.id for case in quick()}
    for name in named():
        file, _, function = name.partition(".py::")
        if name in ids:
            continue
        assert f"def {function}(" in (SUITES.parent.parent / f"{file}.py").read_text(), name
