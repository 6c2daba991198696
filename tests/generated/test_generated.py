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
from sameness import MODES, Outcome, differences, load_compare, shared_parity

#: Random suites that are tried by default, in this process and with the farm.
FEW = {"here": 30, "farm": 8, "again": 6}


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


def write(suite: RandomSuite, folder: Path) -> None:
    """The suite's files in a folder that nothing else is in."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in suite.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name, target in suite.links.items():
        path = folder / name
        if not path.exists():
            path.symlink_to(os.path.relpath(folder / target, path.parent))


def checker(
    server: ForkServer, probe: Path, mode: str, deep: bool
) -> Callable[[RandomSuite], None]:
    """A function that fails where the plugin's run of a suite differs. Mode "again": the second run with a manifest."""
    compare = load_compare(probe)

    def check(suite: RandomSuite) -> None:
        with tempfile.TemporaryDirectory(prefix="random-suite-") as tmp:
            folder = Path(tmp, "suite")

            def run(mode: str, times: int) -> Outcome:
                write(suite, folder)
                env = {"FASTCOLLECT_META_MANIFEST": str(Path(tmp, f"manifest-{mode}"))}
                for _ in range(times):
                    rm(folder / ".pytest_cache")
                    if suite.before is not None:
                        server.run(folder, suite.before, deep=False)
                    rm(folder / "order.txt")
                    outcome = server.run(folder, [*MODES[mode], *suite.args], deep=deep, env=env)
                return outcome

            times = 2 if mode == "again" else 1
            native = run("native", times)
            plugin = run("farm" if mode == "again" else mode, times)
            found = differences(compare, native, plugin, deep)
            if found and not differences(compare, native, run("native", times), deep):
                keep(suite, found, mode)
                pytest.fail("\n".join([f"{mode}{' deep' if deep else ''}", *found]), pytrace=False)

    return check


def rm(path: Path) -> None:
    """Removes a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def keep(suite: RandomSuite, found: list[str], mode: str) -> None:
    """Writes a suite that fails, and how, to $FCM_FOUND."""
    base = os.environ.get("FCM_FOUND")
    if base:
        target = Path(base, hashlib.sha256(repr(suite).encode()).hexdigest()[:10])
        write(suite, target)
        before = "" if suite.before is None else f"pytest {' '.join(suite.before)}; "
        text = "\n".join([f"{mode}: {before}pytest {' '.join(suite.args)}", *found])
        (target / "FOUND").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("deep", [False, True], ids=["run", "deep"])
@pytest.mark.parametrize("mode", list(FEW))
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
