"""Calls of our C code that fail, one in a run: a sample of what tests/faults/sweep.py tries one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from faultruns import HEALTHY, Result, run, write_suite
from injection import Fault, build, run_with

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
