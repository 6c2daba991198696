"""A pytest plugin for runs that pytest-xdist distributes: each process writes down what it has seen.

Into the folder $XDIST_PROBE: NAME-collected.json when a worker has collected, NAME-ended.json when a process ends; NAME is
the worker's id, or "controller".
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

_outcomes: list[tuple[str, str, str]] = []
_warnings: list[str] = []
_collect_errors: list[tuple[str, str, str]] = []


def _name(config: pytest.Config) -> str:
    return str(getattr(config, "workerinput", {}).get("workerid", "controller"))


def _write(config: pytest.Config, when: str, **content: Any) -> None:
    path = Path(os.environ["XDIST_PROBE"], f"{_name(config)}-{when}.json")
    path.write_text(json.dumps(content))


def _imported(config: pytest.Config) -> list[str]:
    """Test modules of the project that are imported."""
    root = str(config.rootpath)
    files = {str(getattr(module, "__file__", "") or "") for module in list(sys.modules.values())}
    return sorted(
        os.path.relpath(file, root)
        for file in files
        if file.startswith(root + "/") and os.path.basename(file).startswith("test_")
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    _write(
        session.config,
        "collected",
        ids=[item.nodeid for item in session.items],
        imported=_imported(session.config),
        markers=[sorted(mark.name for mark in item.iter_markers()) for item in session.items],
        hash=hash("text"),
        rootdir=str(session.config.rootpath),
    )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _outcomes.append((report.nodeid, report.when or "", report.outcome))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if not report.passed:
        _collect_errors.append((report.nodeid, report.outcome, str(report.longrepr)))


def pytest_warning_recorded(warning_message: Any, when: str) -> None:
    _warnings.append(f"{when}: {warning_message.message}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    _write(
        session.config,
        "ended",
        outcomes=_outcomes,
        warnings=_warnings,
        errors=_collect_errors,
        imported=_imported(session.config),
        exitstatus=int(exitstatus),
    )
