"""A pytest plugin that writes each test's outcome to the JSON file that CONFORMANCE_OUT names.

The outcome of a test is the worst of its phases, in the words of pytest's summary line.
"""

from __future__ import annotations

import json
import os

import pytest

_RANK = ["passed", "skipped", "xpassed", "xfailed", "failed", "error"]


class Recorder:
    def __init__(self, config: pytest.Config, path: str) -> None:
        self._config = config
        self._path = path
        self._outcomes: dict[str, str] = {}
        self._details: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        word = report.outcome + ""
        if report.when != "call" and word == "failed":
            word = "error"
        if hasattr(report, "wasxfail"):
            word = {"skipped": "xfailed", "passed": "xpassed"}.get(word, word)
        before = self._outcomes.get(report.nodeid, "passed")
        if _RANK.index(word) >= _RANK.index(before):
            self._outcomes[report.nodeid] = word
            if report.failed:
                self._details[report.nodeid] = report.longreprtext[-6000:]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._outcomes[f"collecting {report.nodeid}"] = "error"
            self._details[f"collecting {report.nodeid}"] = report.longreprtext[-6000:]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        with open(self._path, "w", encoding="utf-8") as file:
            json.dump({"outcomes": self._outcomes, "details": self._details}, file, indent=1)


def pytest_configure(config: pytest.Config) -> None:
    path = os.environ.pop("CONFORMANCE_OUT", "")  # inner runs of pytest don't see it
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config, path), "conformance-recorder")
