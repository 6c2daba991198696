"""Notices when a file's collection asks which tests have been collected before it, as pytest-mypy's does."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import pytest

from .reasons import Unrepresentable

_watched_classes: dict[type, type] = {}


def _read(session: Any) -> list[pytest.Item]:
    state: dict[str, Any] = session.__dict__
    try:
        items: list[pytest.Item] = state["items"]
    except KeyError:
        raise AttributeError("items") from None
    state["_fcm_items_read"] = True
    return items


def _write(session: Any, items: list[pytest.Item]) -> None:
    session.__dict__["items"] = items


def _watched_class(real: type) -> type:
    found = _watched_classes.get(real)
    if found is None:
        names = {
            "__slots__": (),
            "__module__": real.__module__,
            "__qualname__": real.__qualname__,
            "__doc__": real.__doc__,
            "items": property(_read, _write),
        }
        found = _watched_classes[real] = type(real)(real.__name__, (real,), names)
    return found


class EarlierItems:
    """Watches `session.items` inside of the context.

    What a file yields then follows from the files before it, which its record doesn't say.
    """

    def __init__(self, session: pytest.Session) -> None:
        self._session: Any = session
        self._class = type(session)

    def __enter__(self) -> EarlierItems:
        self._session.__dict__["_fcm_items_read"] = False
        self._session.__class__ = _watched_class(self._class)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.__class__ = self._class

    def check(self) -> None:
        """
        :raises Unrepresentable: where the list has been asked for.
        """
        if self._session.__dict__.pop("_fcm_items_read"):
            raise Unrepresentable("reads-earlier-tests")
