"""Collects one file natively in the main process, and makes a record of it for the manifest beside."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from . import _native, compat
from .notes import DependencyNotes
from .raised import RaisedWarning, importing_file, raw
from .reasons import Unrepresentable


class HereCollection:
    """The collection of one file. `collect` gives its children; `record` what became of it, once its report is made.

    The children are real nodes. Classes in the file are collected at once, like in a worker, and hand out what they
    have when pytest asks them.
    """

    def __init__(self, node: Any, notes: DependencyNotes) -> None:
        self.node = node
        self._notes = notes
        self._extras: dict[str, Any] = {}
        self._children: dict[pytest.Collector, list[Any]] = {}
        self._warnings: list[RaisedWarning] = []
        self._failed = True

    def collect(self) -> list[Any]:
        """The file's children. Raises what its own collect() raises."""
        began = time.perf_counter()
        with self._notes.of(self.node.path, self._extras), compat.observed_warnings(self._on_warning):
            children = list(self.node.collect())
            self._failed = False
            self._descend(self.node, children)
        self._extras["duration"] = time.perf_counter() - began
        return children

    def _on_warning(self, message: Any) -> None:
        self._warnings.append(RaisedWarning(message, importing_file(sys._getframe(1))))

    def _descend(self, collector: pytest.Collector, children: list[Any]) -> None:
        self._children[collector] = children
        for child in children:
            if not isinstance(child, pytest.Collector):
                continue
            try:
                found = list(child.collect())
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:
                self._failed = True
                child.__dict__["collect"] = _once(child, _raising(error))
                continue
            child.__dict__["collect"] = _once(child, lambda found=found: found)  # type: ignore[misc]
            self._descend(child, found)

    def record(self, report: Any) -> bytes | None:
        """The packed record, None where the file's collection failed.

        :raises Unrepresentable: where it can't be represented.
        """
        if report.skipped and isinstance(report.longrepr, tuple):
            path, line, message = report.longrepr
            self._extras["skip"] = (str(path), int(line), str(message))
        elif self._failed or not report.passed:
            return None
        for section, text in report.sections:
            if section not in compat.CAPTURED:
                raise Unrepresentable("report-changed-by-plugin", section)
            if compat.capture_method(self.node.config) != "fd":
                raise Unrepresentable("prints-while-importing", section)
            self._extras[compat.CAPTURED[section]] = raw(text)
        self._extras["warnings"] = [warning.fields() for warning in self._warnings]
        hidden = [child.__dict__.pop("collect", None) for child in self._children]
        try:
            packed: bytes = _native.encode(self.node, self._children, self._extras)
        finally:
            for child, collect in zip(self._children, hidden):
                if collect is not None:
                    child.__dict__["collect"] = collect
        self._notes.shared_was_sent = True
        return packed


def _once(node: Any, answer: Callable[[], Any]) -> Callable[[], Any]:
    """A collect() that gives the answer and then makes way for the node's own."""

    def collect() -> Any:
        node.__dict__.pop("collect", None)
        return answer()

    return collect


def _raising(error: BaseException) -> Callable[[], Any]:
    def answer() -> Any:
        with contextlib.suppress(AttributeError):
            error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ else None
        raise error

    return answer
