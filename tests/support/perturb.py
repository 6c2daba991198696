"""A pytest plugin that makes a run differ from a native one, in the way that FCM_PERTURB names.

The tests of the comparison turn it on in place of the product, to see that each kind of difference is found.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest


def _drop(items: list[pytest.Item]) -> None:
    del items[0]


def _swap(items: list[pytest.Item]) -> None:
    items[0], items[1] = items[1], items[0]


def _mark(items: list[pytest.Item]) -> None:
    items[0].add_marker("extra_mark")


def _rename(items: list[pytest.Item]) -> None:
    items[0].name += "_"


def _move(items: list[pytest.Item]) -> None:
    path, line, name = items[0].location
    items[0].__dict__["location"] = (path, (line or 0) + 1, name)


def _keyword(items: list[pytest.Item]) -> None:
    items[0].keywords["extra_keyword"] = True


def _value(items: list[pytest.Item]) -> None:
    next(i for i in items if hasattr(i, "callspec")).callspec.params["a"] = "other"  # type: ignore[attr-defined]


def _argument(items: list[pytest.Item]) -> None:
    item = next(i for i in items if i.own_markers)
    item.own_markers[0] = pytest.Mark(item.own_markers[0].name, ("other",), {}, _ispytest=True)


def _fail(items: list[pytest.Item]) -> None:
    def runtest() -> None:
        raise AssertionError

    items[0].runtest = runtest  # type: ignore[method-assign]


PERTURBATIONS: dict[str, Callable[[list[pytest.Item]], None]] = {
    "drop": _drop,
    "swap": _swap,
    "mark": _mark,
    "rename": _rename,
    "move": _move,
    "keyword": _keyword,
    "value": _value,
    "argument": _argument,
    "fail": _fail,
}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    perturb = PERTURBATIONS.get(os.environ.get("FCM_PERTURB", ""))
    if perturb is not None:
        perturb(items)


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("FCM_PERTURB") == "print":
        terminalreporter.write_line("an extra line")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if os.environ.get("FCM_PERTURB") == "write":
        session.config.rootpath.joinpath("order.txt").write_text("an extra line")


@pytest.hookimpl(tryfirst=True)
def pytest_deselected() -> None:
    if os.environ.get("FCM_PERTURB") == "usage":
        raise pytest.UsageError("perturbed")
