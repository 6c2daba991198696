"""pytest's reordering of tests by parameters of high scopes, with fewer tests: those that have none move as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .nodes import LazyItem


def reorder(items: Sequence[Any], original: Callable[[Sequence[Any]], list[Any]]) -> list[Any]:
    """What `original`, pytest's own function, makes of a list of tests.

    It brings tests together that share a parameter of a high scope, and moves nothing between two tests that stand side by
    side and have none. So it is given the first one of each such row.
    """
    rows: dict[int, list[Any]] = {}
    first: list[Any] = []
    row: list[Any] | None = None
    parent = None
    in_rows = False
    for item in items:
        if item.parent is not parent:
            parent = item.parent
            origin = parent.__dict__.get("_fcm_origin") if parent is not None else None
            in_rows = origin is not None and not origin.record.high_scope
        if not (in_rows and isinstance(item, LazyItem)):
            row = None
            first.append(item)
        elif row is None:
            row = rows[id(item)] = [item]
            first.append(item)
        else:
            row.append(item)
    if len(first) == len(items) or len(set(map(id, items))) < len(items):
        return original(items)
    if len(first) == 1:
        return list(items)
    reordered: list[Any] = []
    for item in original(first):
        found = rows.get(id(item))
        if found is None:
            reordered.append(item)
        else:
            reordered += found
    return reordered
