"""Calls of our C code that fail, one in a run: a sample of what tests/faults/sweep.py tries one after the other."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fastcollect_meta import binaries
from faultruns import HEALTHY, Result, run, write_suite
from injection import Fault, Injected, Server, build, command_with, run_with

#: Of the calls of each kind, those that are made to fail.
NUMBERS = {
    "alloc": (1, 150),
    "read": (5,),
    "write": (3,),
    "fork": (1,),
    "pipe": (1,),
    "epoll": (1, 3),
    "open": (9,),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes calls fail."""
    return build(tmp_path_factory.mktemp("injection"))


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small suite."""
    folder = tmp_path_factory.mktemp("suite")
    write_suite(folder, {"test_a.py": HEALTHY, "test_b.py": HEALTHY}, healthy=0)
    return folder


@pytest.fixture(scope="module")
def native(suite: Path) -> Result:
    """What pytest itself says of it."""
    return run(suite, farm=False)


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("role", ["coordinator", "zygote", "worker"])
def test_call_that_fails(library: Path, suite: Path, native: Result, role: str, kind: str) -> None:
    fired = 0
    for number in NUMBERS[kind]:
        injected = run_with(library, Fault(role, kind, number), suite)
        fired += injected.fired
        assert injected.judge(native), injected
        if injected.fired == 0:
            break
    if fired == 0:
        assert injected.kinds[kind] == 0, injected


@pytest.fixture(scope="module")
def listed(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite with a manifest."""
    folder = tmp_path_factory.mktemp("listed")
    write_suite(folder, {"test_a.py": HEALTHY}, healthy=0)
    run_with(library, Fault("worker", "any", 0), folder, keep_cache=True)
    return folder


@pytest.mark.parametrize(
    "args", [("list", "--json", "--no-check"), ("list", "-k", "two", "--no-check"), ("export",)]
)
def test_command_prints_all_or_fails(library: Path, listed: Path, args: tuple[str, ...]) -> None:
    # Each allocation, in turn: what is printed with status 0 is whole, and a manifest that can't be looked for isn't
    # one that isn't there.
    whole = command_with(library, Fault("coordinator", "alloc", 0), listed, *args)
    assert whole.result.status == 0 and whole.calls > 20, whole
    for number in range(1, whole.calls + 1):
        injected = command_with(library, Fault("coordinator", "alloc", number), listed, *args)
        assert injected.judge(whole.result), injected
        assert "there is no manifest" not in injected.result.err


@pytest.mark.full
def test_no_allocation_of_the_coordinator_makes_it_wait(
    library: Path, suite: Path, native: Result
) -> None:
    # A file whose assignment can't be sent goes to another worker, without waiting for a time limit.
    with Server(library) as server:
        whole = run_with(library, Fault("coordinator", "alloc", 0), suite, server=server)
        for number in range(whole.calls - 60, whole.calls + 10):
            fault = Fault("coordinator", "alloc", number)
            injected = run_with(library, fault, suite, server=server, limit=45)
            assert injected.judge(native), injected


def test_message_that_main_has_no_memory_for(library: Path, suite: Path, native: Result) -> None:
    # The first ones and the last ones: main goes on by itself.
    with Server(library) as server:
        whole = run_with(library, Fault("main", "alloc", 0), suite, server=server)
        for number in (10, 19, 28, *range(whole.calls - 12, whole.calls + 1)):
            injected = run_with(library, Fault("main", "alloc", number), suite, server=server)
            assert injected.judge(native), injected


@pytest.mark.parametrize(
    ("kind", "step"), [("open", 1), pytest.param("alloc", 25, marks=pytest.mark.full)]
)
def test_manifest_outlives_what_fails_in_main(
    library: Path, suite: Path, native: Result, kind: str, step: int
) -> None:
    # A run that all is served to writes it again where a file has another time: from what was in it.
    program = binaries.coordinator()
    assert program is not None
    with Server(library) as server:

        def injected(number: int) -> Injected:
            fault = Fault("main", kind, number)
            return run_with(library, fault, suite, keep_cache=True, server=server)

        assert injected(0).judge(native)
        whole = injected(0)
        for number in range(1, whole.calls + 1, step):
            os.utime(suite / "test_a.py")
            result = injected(number)
            assert result.judge(native), result
            listed = subprocess.run(
                [program, "list"], cwd=suite, capture_output=True, text=True, check=False
            )
            assert listed.stdout.splitlines() == native.ids, (result.where, listed)
    shutil.rmtree(suite / ".pytest_cache")


@pytest.mark.parametrize("number", [1, 100, 1000])
def test_call_that_fails_in_main(library: Path, suite: Path, native: Result, number: int) -> None:
    injected = run_with(library, Fault("main", "any", number), suite, keep_cache=True)
    assert injected.judge(native), injected


@pytest.mark.parametrize("role", ["coordinator", "zygote", "worker"])
@pytest.mark.parametrize(
    "kind", ["write", *(pytest.param(kind, marks=pytest.mark.full) for kind in ("alloc", "open"))]
)
def test_everything_fails_from_there_on(
    library: Path, suite: Path, native: Result, role: str, kind: str
) -> None:
    injected = run_with(library, Fault(role, kind, 5, on=True), suite)
    assert injected.judge(native), injected
