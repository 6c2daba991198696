"""Random suites: the plugin's run is the same as the native one.

By default the same few each time; `--examples N` tries N new ones. What fails is written as a folder below
$FCM_FOUND, if that is set; found cases are kept in test_found.py.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forkserver import ForkServer
from hypothesis import HealthCheck, Phase, given, settings
from random_suites import RandomSuite, random_suites
from sameness import MODES, differences, load_compare, shared_parity

#: Random suites that are tried by default, in this process and with the farm.
FEW = {"here": 30, "farm": 8}


@pytest.fixture(scope="module")
def probe() -> Path:
    folder = shared_parity()
    if folder is None:
        pytest.skip("compare.py is neither in $FCM_SHARED/parity nor in ../shared/parity")
    return folder


@pytest.fixture(scope="module")
def server(probe: Path) -> Iterator[ForkServer]:
    server = ForkServer(probe)
    yield server
    server.close()


def checker(
    server: ForkServer, probe: Path, mode: str, deep: bool
) -> Callable[[RandomSuite], None]:
    """A function that raises AssertionError where the plugin's run of a suite differs."""
    compare = load_compare(probe)

    def check(suite: RandomSuite) -> None:
        with tempfile.TemporaryDirectory(prefix="random-suite-") as tmp:
            folder = Path(tmp, "suite")

            def run(mode: str):  # type: ignore[no-untyped-def]
                shutil.rmtree(folder, ignore_errors=True)
                for name, text in suite.files.items():
                    path = folder / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8")
                return server.run(folder, [*MODES[mode], *suite.args], deep=deep)

            native = run("native")
            plugin = run(mode)
            found = differences(compare, native, plugin, deep)
            if found and not differences(compare, native, run("native"), deep):
                keep(suite, found, mode, folder)
                pytest.fail("\n".join([f"{mode}{' deep' if deep else ''}", *found]), pytrace=False)

    return check


def keep(suite: RandomSuite, found: list[str], mode: str, folder: Path) -> None:
    """Copies a suite that fails to $FCM_FOUND."""
    base = os.environ.get("FCM_FOUND")
    if base:
        target = Path(base, hashlib.sha256(repr(suite).encode()).hexdigest()[:10])
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        (target / "FOUND").write_text(
            "\n".join([f"{mode}: pytest {' '.join(suite.args)}", *found]), encoding="utf-8"
        )


@pytest.mark.parametrize("deep", [False, True], ids=["run", "deep"])
@pytest.mark.parametrize("mode", ["here", "farm"])
def test_random_suites(
    mode: str, deep: bool, server: ForkServer, probe: Path, pytestconfig: pytest.Config
) -> None:
    examples = pytestconfig.getoption("--examples")
    chosen = [m for m in pytestconfig.getoption("--modes").split(",") if m]
    check = checker(server, probe, chosen[0] if chosen else mode, deep)

    @settings(
        max_examples=examples or FEW[mode],
        derandomize=not examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink] if examples else [Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(random_suites())
    def tried(suite: RandomSuite) -> None:
        check(suite)

    tried()
