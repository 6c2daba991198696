"""Collects one file in a fork of the main process, and makes a record of it."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from . import _native, compat
from .changing_ids import check_ids
from .earlier_items import EarlierItems
from .effects import FileHooks
from .frameless import frameless
from .notes import DependencyNotes
from .raised import RaisedWarning, importing_file, raw
from .reasons import Unrepresentable


class HereCollection:
    """The collection of one file: `collecting`, then, once its report is made, `record`.

    Classes in the file are collected at once, like in a worker.

    :param notes: records what the file depends on, None for nothing.
    """

    def __init__(self, node: Any, notes: DependencyNotes | None, hooks: FileHooks) -> None:
        self.node = node
        self._notes = notes
        self._hooks = hooks
        self._extras: dict[str, Any] = {}
        self._children: dict[pytest.Collector, list[Any]] = {}
        self._warnings: list[RaisedWarning] = []
        self._failed = True
        # Numbers in the record, in pre-order: of the collector that is being collected, of the last node seen.
        self._number = self._seen = 0

    def collecting(self) -> Callable[[], Iterable[Any]]:
        """What the node's `collect` is: recording begins, and goes on until `record`."""
        self._began = time.perf_counter()
        self._open = contextlib.ExitStack()
        if self._notes is not None:
            self._open.enter_context(
                self._notes.of(self.node.path, self._extras, self._hooks.conftests())
            )
        self._open.enter_context(compat.observed_warnings(self._on_warning))
        self._earlier = self._open.enter_context(EarlierItems(self.node.session))
        return frameless(self.node.collect, self._collected)

    def _collected(self, children: list[Any]) -> list[Any]:
        self._failed = False
        self._descend(self.node, children)
        return children

    def _on_warning(self, message: Any) -> bool:
        """Only what the file itself raises is logged at once; the rest is when pytest asks for the class."""
        self._warnings.append(
            RaisedWarning(message, importing_file(sys._getframe(1)), self._number)
        )
        return self._number == 0

    def _descend(self, collector: pytest.Collector, children: list[Any]) -> None:
        self._children[collector] = children
        for child in children:
            self._seen += 1
            if not isinstance(child, pytest.Collector):
                continue
            self._number = self._seen
            try:
                found = list(child.collect())
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException:
                self._failed = True
                continue
            self._descend(child, found)

    def record(self, report: Any) -> bytes | None:
        """End recording. The packed record, None where the file's collection failed.

        :raises Unrepresentable: where it can't be represented.
        """
        self._open.close()
        self._earlier.check()
        self._extras["duration"] = time.perf_counter() - self._began
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
        check_ids(self.node.path, self._children)
        self._extras["warnings"] = [warning.fields() for warning in self._warnings]
        self._extras["order"] = compat.grouped_rows(self.node, self._children)
        # ours, and no attribute of the file's own
        self.node.__dict__.pop("collect", None)
        children = self._children
        made = b""
        if self.node in children:
            effects = self._hooks.run(self.node, children)
            self._extras["effects"] = effects.hooks
            made = effects.packed_made(self.node)
        compat.check_shared_classes(children)
        packed: bytes = _native.encode(self.node, children, self._extras) + made
        if self._notes is not None:
            self._notes.shared_was_sent = True
        return packed
