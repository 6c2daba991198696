"""Evaluates -k and -m: on lazy items by what their records say, file by file; on others as pytest does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from . import compat
from .nodes import LazyItem

#: As many different words are looked for at once (FCM_WORDS_MAX).
WORDS = 62


class _Query:
    """An expression, and what has been found out of it."""

    def __init__(self, expression: compat.MatchExpression) -> None:
        self._expression = expression
        self._substrings = expression.kind == "k"
        names = expression.names
        self._words = tuple(name.lower() for name in names) if self._substrings else names
        self._bits = {name: 1 << bit for bit, name in enumerate(names)}
        #: By the words that are found: whether the expression holds; None where that takes the item itself.
        self._truths: dict[int, bool | None] = {}
        #: By a collector's identity: the words that are found among its names and those of its parents.
        self._collectors: dict[int, int] = {}

    def chosen(self, items: Sequence[Any]) -> Iterator[bool]:
        """For each item whether the expression holds for it."""
        start = 0
        while start < len(items):
            parent = items[start].parent
            end = start + 1
            while end < len(items) and items[end].parent is parent:
                end += 1
            yield from self._siblings(parent, list(items[start:end]))
            start = end

    def _siblings(self, parent: Any, items: list[Any]) -> Iterator[bool]:
        origin = getattr(parent, "__dict__", {}).get("_fcm_origin")
        if origin is None or not all(_is_plain(cls) for cls in {type(item) for item in items}):
            yield from map(self._ask, items)
            return
        record = origin.record
        find = record.keywords_found if self._substrings else record.marks_found
        asked = False
        for item, own in zip(items, find(items, self._words)):
            # Asking an item may have turned its file real.
            truth = None
            if own >= 0 and not (asked and not _is_plain(type(item))):
                truth = self._truth(own | self._found_above(parent))
            if truth is None:
                truth = self._ask(item)
                asked = True
            yield truth

    def _ask(self, item: Any) -> bool:
        self._collectors.clear()
        return self._expression.holds_for(item)

    def _found_above(self, parent: Any) -> int:
        found = self._collectors.get(id(parent))
        if found is None:
            if self._substrings:
                names = [name.lower() for name in compat.keyword_names(parent)]
                there = [any(word in name for name in names) for word in self._words]
            else:
                markers = compat.marker_names(parent)
                there = [word in markers for word in self._words]
            found = sum(1 << bit for bit, is_there in enumerate(there) if is_there)
            self._collectors[id(parent)] = found
        return found

    def _truth(self, found: int) -> bool | None:
        if found not in self._truths:
            self._truths[found] = self._expression.holds(
                lambda name: bool(found & self._bits[name])
            )
        return self._truths[found]


def _is_plain(cls: type) -> bool:
    """Whether items of that class are lazy ones that are asked for names as pytest's own are."""
    return issubclass(cls, LazyItem) and compat.has_plain_names(cls)


def choose(expression: compat.MatchExpression, items: Sequence[Any]) -> Iterator[bool] | None:
    """For each item whether an expression of -k or -m holds for it; None where pytest itself has to say."""
    if len(expression.names) > WORDS:
        return None
    return _Query(expression).chosen(items)
