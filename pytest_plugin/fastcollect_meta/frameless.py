"""Calls that leave no frame in a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any


def frameless(
    real: Callable[[], Iterable[Any]], then: Callable[[list[Any]], Iterable[Any]]
) -> Callable[[], Iterable[Any]]:
    """A callable that gives `then(list(real()))` once; no Python frame lies between its caller and `real`.

    pytest shows a collector's error by its traceback, and cuts off its own frames only where they come first.
    """
    called = map(partial.__call__, (partial(real),))
    return partial(next, map(then, map(list, called)))
