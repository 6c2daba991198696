"""Files whose collection has failed in a worker, a fork or an earlier run, while pytest itself collects them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import dependencies
from .dependencies import Dependencies


class FailingFiles:
    """Finds out what such a file's collection reads, and whether it still fails.

    :param failed: is called with a file that fails, where that wasn't known, and what it has read; None for nobody.
    :param passed: is called with one that no longer fails, where the manifest says so, and the seconds that it took.
    """

    def __init__(
        self,
        failed: Callable[[Any, Dependencies], None] | None,
        passed: Callable[[Any, float], None],
    ) -> None:
        self._failed = failed
        self._passed = passed
        #: Those that are being collected: since when, and whether the manifest says that they fail.
        self._open: dict[Any, tuple[float, bool]] = {}

    def begin(self, node: Any, noted: bool) -> None:
        """pytest is about to import the file.

        :param noted: the manifest says that this fails.
        """
        self._open[node] = time.perf_counter(), noted
        if not noted and self._failed is not None:
            dependencies.begin(node.path)

    def end(self, node: Any, failed: bool) -> None:
        """A collector's report is made; nothing happens for others than those that have begun."""
        began, noted = self._open.pop(node, (None, False))
        if began is None:
            return
        if noted and not failed:
            self._passed(node, time.perf_counter() - began)
        if noted or self._failed is None:
            return
        dependencies.end(node.path)
        if failed:
            self._failed(node, dependencies.of(node.path))
