"""Sorts tests by names, as a hook does that is treated per file and sorts the whole list at the end."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

#: What tests can be sorted by: the name of their file's collector, that of their class (empty for none), their own.
SORT_KEYS = ("file", "class", "name")


def _of_collector(collector: Any) -> dict[str, str]:
    module = collector.getparent(pytest.Module) or collector.getparent(pytest.File)
    cls = collector.getparent(pytest.Class)
    return {
        "file": "" if module is None else module.name,
        "class": "" if cls is None else cls.name,
    }


def sort_key(keys: tuple[str, ...]) -> Callable[[Any], tuple[str, ...]]:
    """The function that gives what a test is sorted by.

    :param keys: of SORT_KEYS, the most important one first.
    """
    known: dict[Any, dict[str, str]] = {}

    def key(item: Any) -> tuple[str, ...]:
        parent = item.parent
        names = known.get(parent)
        if names is None:
            names = known[parent] = _of_collector(parent)
        return tuple([item.name if name == "name" else names[name] for name in keys])

    return key


def is_sorted(items: list[Any], keys: tuple[str, ...]) -> bool:
    """Whether tests are in that order; without keys, always."""
    if not keys:
        return True
    found = list(map(sort_key(keys), items))
    return all(one <= other for one, other in itertools.pairwise(found))
