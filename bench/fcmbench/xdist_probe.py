"""A pytest plugin for bench/distributed.py: each process of a distributed run writes what its collection cost.

Into the folder $FCM_BENCH_OUT, as NAME.json: CPU seconds and peak memory (MiB), and the clock when it had collected and when
its first test began. With $FCM_BENCH_STOP set a run ends after its first test.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_seen: dict[str, float] = {}


def _cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak() -> float:
    text = Path("/proc/self/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_xdist_setupnodes() -> Iterator[None]:
    """The controller's part, with the farm, which has ended then."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    yield
    after = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    _seen["collection"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    _seen["collection"] += children.ru_utime + children.ru_stime


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Conftests that are met while collecting: a worker needs them whoever collects."""
    manager: Any = config.pluginmanager
    load = manager._loadconftestmodules

    def measured(*args: Any, **kwargs: Any) -> Any:
        before = _cpu()
        try:
            return load(*args, **kwargs)
        finally:
            _seen["conftests"] = _seen.get("conftests", 0.0) + _cpu() - before

    if hasattr(config, "workerinput"):
        manager._loadconftestmodules = measured


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    if not hasattr(session.config, "workerinput"):
        return (yield)
    before = _cpu()
    try:
        return (yield)
    finally:
        _seen.update(collection=_cpu() - before, collected=time.time(), peak_collected=_peak())
        _seen["tests"] = len(session.items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    _seen.setdefault("first", time.time())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logfinish() -> None:
    """In the controller too."""
    if os.environ.get("FCM_BENCH_STOP") and _session is not None:
        _session.shouldstop = "measured"


_session: pytest.Session | None = None


def pytest_sessionstart(session: pytest.Session) -> None:
    global _session
    _session = session


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: Any) -> None:
    name = getattr(config, "workerinput", {}).get("workerid", "controller")
    _seen.update(peak=_peak(), cpu=_cpu())
    Path(os.environ["FCM_BENCH_OUT"], f"{name}.json").write_text(json.dumps(_seen))
