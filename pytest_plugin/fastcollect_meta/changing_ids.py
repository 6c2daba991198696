"""Names of tests that are others when their module is imported again: they show an address, the time or a random UUID."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .reasons import Unrepresentable

#: Addresses, as repr() shows them and as Linux has them, and what is behind the first half of a UUID of version 4. Each begins
#: with characters that can be looked for quickly.
_RANDOM = (
    re.compile(r" at 0x[0-9a-f]{6,16}\b"),
    re.compile(r"0x[57][0-9a-f]{11}\b"),
    re.compile(r"-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b"),
)
_TIME = re.compile(r":([0-5]\d):([0-5]\d)(?!\d)")
_DATES = [
    separator.join(parts)
    for separator in ("-", "/", ".", "")
    for parts in (("%Y", "%m", "%d"), ("%d", "%m", "%Y"), ("%m", "%d", "%Y"))
]
#: When this process began, about: it has asked for no time before.
_BEGAN = time.time()


def _is_now(match: re.Match[str]) -> bool:
    """Whether this process was there at that minute and second, of whatever time zone."""
    now = time.time() + 1
    past = (now - 60 * int(match[1]) - int(match[2])) % 3600
    return past <= now - _BEGAN + 2


def _changing(text: str) -> Iterator[tuple[int, int]]:
    """Where there is something of that kind: begin and end."""
    for pattern in _RANDOM:
        for match in pattern.finditer(text):
            yield match.span()
    for match in _TIME.finditer(text):
        if _is_now(match):
            yield match.span()
    for known in _moments(text):
        at = text.find(known)
        while at >= 0:
            end = at + len(known)
            if len(known) > 5 or re.match(r"\d{5}(?!\d)|\d{8}|\d{5}\.", text[end : end + 8]):
                yield at, end
            at = text.find(known, end)


def _moments(text: str) -> set[str]:
    """Today's date as it may be written, where the text has the year; how the seconds since 1970 begin today, or what is finer."""
    moments = (_BEGAN, time.time())
    shown = {str(int(moment))[:5] for moment in moments}
    days = [zone(moment) for zone in (time.gmtime, time.localtime) for moment in moments]
    if any(str(day.tm_year) in text for day in days):
        shown.update(time.strftime(form, day) for form in _DATES for day in days)
    return shown


def changing_name(names: Iterable[str], source: Path) -> str:
    """The first name that shows what changes, empty where none does.

    :param names: of nodes.
    :param source: the test file: what is written there stays.
    """
    text = "\n".join(names)
    for begin, end in _changing(text):
        if text[begin:end] not in source.read_text("utf-8", "replace"):
            line = text.rfind("\n", 0, begin) + 1
            return text[line : (text + "\n").find("\n", end)]
    return ""


def check_ids(source: Path, children: Mapping[Any, Iterable[Any]]) -> None:
    """Refuse a file with such a name.

    :param children: what each of its collectors has collected.
    :raises Unrepresentable: with the reason "changing-ids".
    """
    name = changing_name((child.name for found in children.values() for child in found), source)
    if name:
        raise Unrepresentable("changing-ids", name)
