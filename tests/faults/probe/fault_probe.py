"""A plugin for runs under test: writes what was collected to the file that FAULT_PROBE names."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

_errors: list[tuple[str, str]] = []
_ids: list[str] = []


@pytest.hookimpl
def pytest_collectreport(report: Any) -> None:
    if report.failed:
        _errors.append((report.nodeid, str(report.longrepr)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    _ids[:] = [item.nodeid for item in items]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    path = os.environ.get("FAULT_PROBE")
    if path:
        # Whatever the suite under test has done to open() and the directory.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        data = {"ids": _ids, "errors": _errors, "items": [item.nodeid for item in session.items]}
        os.write(descriptor, json.dumps(data).encode())
        os.close(descriptor)
