"""Where classes begin in their files, as `inspect.getsourcelines` says it, without an import of the module."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .standins import line_stand_in

if TYPE_CHECKING:
    from .origin import Origin

_ALIAS = "fastcollect_meta:asked for a class"


def class_stand_in_with_line(
    origin: Origin, index: int, real: Callable[[], Any]
) -> tuple[Any] | None:
    """A stand-in for a class that `answered` knows the line of; None where only the class itself can say it.

    :param index: of the class's collector in the record.
    """
    names, module = origin.record.object(index), origin.whole.record.object(0)
    if not names or not module:
        return None
    defined_in, _, qualname = names[0].partition(":")
    if defined_in != module[0]:
        return None  # in another file
    line: int | None = None
    if sys.version_info >= (3, 13):
        line = origin.record.line(index) or None
    else:
        with contextlib.suppress(OSError, TypeError):
            line = _line_in(str(origin.root.path), qualname)
    return (line_stand_in(line, real),)


def _line_in(path: str, qualname: str) -> int:
    """Line of a class, from 1, that another class of its name finds in a file.

    :raises OSError: where it isn't there.
    """
    module = ModuleType(_ALIAS)
    module.__file__ = path
    asking = type(qualname.rpartition(".")[2], (), {"__module__": _ALIAS})
    asking.__qualname__ = qualname
    sys.modules[_ALIAS] = module
    try:
        return inspect.findsource(asking)[1] + 1
    finally:
        del sys.modules[_ALIAS]


@contextlib.contextmanager
def answered() -> Iterator[None]:
    """Let `inspect.getsourcelines` give the lines of stand-ins; the source lines themselves it leaves out."""
    original = inspect.getsourcelines

    def getsourcelines(object: Any) -> Any:
        line = getattr(type(object), "line_of", None)
        if line is None:
            return original(object)
        found = line(object)
        if found is None:
            raise OSError("could not find class definition")
        return [], found

    inspect.getsourcelines = getsourcelines
    try:
        yield
    finally:
        inspect.getsourcelines = original
