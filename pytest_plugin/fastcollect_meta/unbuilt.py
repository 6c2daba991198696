"""Stands in for the session where the extension modules can't be loaded: in a Python that they weren't built for.

A worker of pytest-xdist that runs another interpreter gets `sys.path` from its controller, and with it this package.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest


class UnbuiltSession:
    """Takes no part in a session, and says why.

    :param why: what could not be loaded.
    """

    controller = None
    built = False

    def __init__(self, config: pytest.Config, why: str) -> None:
        self.config = config
        self.why = why

    def plugin_registered(self) -> None:
        """A plugin or conftest has been loaded."""

    def loading_conftests(self) -> contextlib.AbstractContextManager[None]:
        """Around the loading of the conftests that pytest starts with."""
        return contextlib.nullcontext()

    def configured(self) -> None:
        """Everything of pytest is loaded."""

    @contextlib.contextmanager
    def collection(self, session: pytest.Session) -> Iterator[None]:
        """Around pytest's whole collection."""
        yield

    def found_file(self, path: object, collectors: object) -> None:
        """A file's collectors, as the hooks have just made them."""

    def about_to_collect(self, collector: object) -> None:
        """A collector is about to be collected."""

    def reported(self, collector: object, report: Any) -> Any:
        """The report of a collector."""
        return report

    def about_to_run_tests(self, session: pytest.Session) -> None:
        """The first item is about to run."""

    def about_to_run(self, item: pytest.Item) -> None:
        """An item is about to run."""

    def freeze(self) -> None:
        """The session is over."""

    @contextlib.contextmanager
    def finishing(self) -> Iterator[None]:
        """Around the hooks for the session's end."""
        yield

    def finish(self, session: pytest.Session) -> None:
        """The session ends: a worker of pytest-xdist tells its controller."""
        output = getattr(self.config, "workeroutput", None)
        if output is not None:
            output["fastcollect_meta"] = {"aside": self._line()}

    def close(self) -> None:
        """There is nothing to end."""

    def summarize(self, reporter: Any) -> None:
        """One line."""
        if not hasattr(self.config, "workerinput"):
            reporter.write_line(f"fastcollect-meta: stood aside: {self._line()}", yellow=True)

    def _line(self) -> str:
        return f"its extension modules were not built for this Python ({self.why})"
