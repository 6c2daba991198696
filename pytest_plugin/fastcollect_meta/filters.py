"""Warning filters that test files and conftests set when they are imported, and that hold for what is imported after them.

pytest gives collection one list of filters: what a file sets while it is imported stays until collection ends. In a worker other
files were imported before than in the main process; so a file's own filters are taken back there, and a record says whether any
warning has come as far as the place at which filters of other files would stand. A record holds the filters that its file puts before
all others, and the main process sets them when it uses the record.

Filters that a library sets when it is loaded come with the library, in each process: they are told apart by whose code sets them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from .introspection import class_name, find_class
from .reasons import Unrepresentable

#: An entry of `warnings.filters`: (action, message, category, module, line).
Filter = tuple[Any, ...]

#: What the warnings module calls when its filters have changed: the second from Python 3.14 on.
_CHANGED = ("_filters_mutated", "_filters_mutated_lock_held")
_WARNINGS = ("warnings", "_py_warnings", "contextlib")


class _ProbedCategory(type):
    """The filters ask a category whether it is a base of a warning's: this one never is, and notes the question."""

    asked = False

    def __subclasscheck__(cls, subclass: type) -> bool:
        _ProbedCategory.asked = True
        return False


class _Probe(Warning, metaclass=_ProbedCategory):
    pass


_PROBE: Filter = ("ignore", None, _Probe, None, 0)


def _filters() -> list[Filter]:
    module: Any = warnings
    return module.filters  # type: ignore[no-any-return]


def _set_filters(new: Sequence[Filter]) -> None:
    _filters()[:] = new
    with warnings.catch_warnings():  # which tells the interpreter of the change
        pass


#: Own filters that hold, and filters of nobody that don't any more.
Standing = tuple[Sequence[Filter], Sequence[Filter]]


class OwnFilters:
    """The filters that the files of a run have set.

    Made when collection begins, within what pytest sets up around it. What is there then is nobody's own.

    :param root: pytest's root directory: what lies in it and isn't installed there is the project's own code.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        #: Paths of the test files.
        self.files: set[str] = set()
        #: By the id of a filter: itself, and whether it is the work of the project's code.
        self._seen: dict[int, tuple[Filter, bool]] = {
            id(each): (each, False) for each in _filters()
        }
        self._base = list(_filters())
        #: Changes by the project's code since the last `settle`, and whether one has taken filters of the base away.
        self._own_changes = 0
        self._base_is_cut = False

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Around imports: notes who sets filters."""
        module: Any = warnings
        originals = {name: getattr(module, name) for name in _CHANGED if hasattr(module, name)}
        for name, original in originals.items():
            setattr(module, name, self._noting(original))
        try:
            yield
        finally:
            for name, original in originals.items():
                setattr(module, name, original)

    def _noting(self, original: Callable[[], None]) -> Callable[[], None]:
        def changed() -> None:
            original()
            self._note(sys._getframe(1))

        return changed

    def _note(self, frame: FrameType | None) -> None:
        while frame is not None and frame.f_globals.get("__name__") in _WARNINGS:
            frame = frame.f_back
        if frame is not None and frame.f_globals is globals():
            return
        own = frame is not None and self._is_own_code(frame.f_code.co_filename)
        self._own_changes += own
        for each in _filters():
            self._seen.setdefault(id(each), (each, own))

    def _is_own_code(self, path: str) -> bool:
        if path in self.files or os.path.basename(path) == "conftest.py":
            return True
        return path.startswith(self._root + os.sep) and "-packages" + os.sep not in path

    def is_own(self, entry: Filter) -> bool:
        """Whether a file has set it: what nobody was seen to set has been put there by hand."""
        return entry is not _PROBE and self._seen.get(id(entry), (entry, True))[1]

    def own(self) -> list[Filter]:
        """The filters that files have set and that hold now, the first first."""
        return [entry for entry in _filters() if self.is_own(entry)]

    def gone(self) -> list[Filter]:
        """Those that held at the beginning, or were set by libraries, and don't any more."""
        there = set(map(id, _filters()))
        return [entry for entry in self._base if id(entry) not in there]

    def standing(self) -> Standing:
        """What files have changed up to now, for `added`."""
        return tuple(self.own()), tuple(self.gone())

    def added(self, before: Standing) -> Sequence[Filter]:
        """The filters that a file which has just been imported has put before all others, the first first.

        :param before: what `standing` was before.
        :raises Unrepresentable: where it has changed them in another way, or in one that a record can't hold.
        """
        self.settle()
        own, gone = self.standing()
        if _texts(own, gone) == _texts(*before):
            return ()
        number = len(own) - len(before[0])
        new = own[: max(number, 0)]
        if not (
            _are_same(own[len(new) :], before[0])
            and _are_same(gone, before[1])
            and _are_same(new, _filters()[: len(new)])
            and all(map(_is_representable, new))
        ):
            raise Unrepresentable("changes-warning-filters")
        return new

    def add(self, entries: Sequence[Filter]) -> None:
        """Set filters that a file has put before those that hold."""
        self._seen.update((id(entry), (entry, True)) for entry in entries)
        insert(entries)

    def state(self) -> bytes:
        """Digest of what files have changed up to now; empty for nothing."""
        texts = _texts(*self.standing())
        return hashlib.blake2b("\0".join(texts).encode(), digest_size=8).digest() if texts else b""

    def settle(self) -> None:
        """A file has been imported: what libraries have changed is nobody's own."""
        if self._own_changes and self.gone():
            self._base_is_cut = True
        self._own_changes = 0
        if not self._base_is_cut:
            self._base = [
                entry for entry in _filters() if entry is not _PROBE and not self.is_own(entry)
            ]
        there = set(map(id, (*_filters(), *self._base)))
        self._seen = {number: known for number, known in self._seen.items() if number in there}


class FilterPlan:
    """The own filters by file, as conftests have left them: for a worker, in which no file's own ones stay.

    Made when the walk begins; `note` is called for each file as it is found.
    """

    def __init__(self, filters: OwnFilters) -> None:
        self._filters = filters
        self._states: list[tuple[bytes, Sequence[Filter]]] = []
        #: What held when the file that is being collected began.
        self._begun: Standing = (), ()

    def note(self, path: str) -> None:
        """The next file of the walk."""
        self._filters.files.add(path)
        state = self._filters.state()
        if self._states and self._states[-1][0] == state:
            self._states.append(self._states[-1])
        else:
            self._states.append((state, list(_filters()) if state else ()))

    def begin(self, index: int) -> None:
        """Set the filters that hold before file `index` (from 0) is imported."""
        own = self._filters
        wanted, entries = self._states[index]
        new = [entry for entry in _filters() if entry is not _PROBE]
        if own.state() != wanted:
            kept = set(map(id, entries))
            new = [entry for entry in new if id(entry) not in kept and not own.is_own(entry)]
            new += entries or own.gone()
        _set_filters([_PROBE, *new])
        self._begun = own.standing()
        _ProbedCategory.asked = False

    def added(self) -> Sequence[Filter]:
        """The filters that the file which has been imported has put before all others.

        :raises Unrepresentable: where it has changed them in another way.
        """
        return self._filters.added(self._begun)

    def context(self, index: int, registrars: bytes) -> bytes:
        """The context in which the result of file `index` holds, which was made in that one of registrars.

        Filters that it has added come before those that hold, whichever these are.
        """
        if not _ProbedCategory.asked:
            return registrars
        return context_with(registrars, self._states[index][0])


#: Length of the part of a context that registrars make.
_REGISTRARS = 8


def context_with(registrars: bytes, state: bytes) -> bytes:
    """A context that is also one of filters: for a result that may depend on them."""
    return registrars.ljust(_REGISTRARS, b"\0") + state.ljust(_REGISTRARS, b"\0")


def registrars_of(context: bytes) -> bytes:
    """The part of a context that registrars make, filled up to its length."""
    return context[:_REGISTRARS].ljust(_REGISTRARS, b"\0")


def insert(entries: Sequence[Filter]) -> None:
    """Put filters before those that hold."""
    if entries:
        _set_filters([*entries, *_filters()])


def _are_same(some: Sequence[Filter], others: Sequence[Filter]) -> bool:
    return list(map(id, some)) == list(map(id, others))


def fields(entries: Sequence[Filter]) -> list[dict[str, Any]]:
    """Filters as a record holds them."""
    return [_fields(*entry) for entry in entries]


def _fields(action: str, message: Any, category: type, module: Any, line: int) -> dict[str, Any]:
    patterns = ("" if part is None else part.pattern for part in (message, module))
    message, module = (text.encode("utf-8", "surrogatepass") for text in patterns)
    return {
        "action": action,
        "category": class_name(category),
        "message": message,
        "module": module,
        "line": line,
    }


def from_record(entries: Sequence[tuple[str, str, str, str, int]]) -> list[Filter]:
    """The filters that a record holds.

    :raises Unrepresentable: where a category isn't loaded here.
    """
    return [_entry(*entry) for entry in entries]


def _entry(action: str, name: str, message: str, module: str, line: int) -> Filter:
    category = find_class(name)
    if category is None or not issubclass(category, Warning):
        raise Unrepresentable("class-not-loaded", name)
    # as warnings.filterwarnings does
    return (
        action,
        re.compile(message, re.IGNORECASE) if message else None,
        category,
        re.compile(module) if module else None,
        line,
    )


def _is_representable(entry: Filter) -> bool:
    """Whether a record can hold a filter: one that `warnings` has made, and whose category has a name."""
    try:
        (known,) = fields([entry])
        message, module = (
            known[name].decode("utf-8", "surrogatepass") for name in ("message", "module")
        )
        again = _entry(known["action"], known["category"], message, module, known["line"])
        return entry == again and abs(known["line"]) < 1 << 63
    except Exception:  # whatever a module has put there by hand
        return False


def _texts(own: Sequence[Filter], gone: Sequence[Filter]) -> list[str]:
    return [_text(entry) for entry in own] + [f"without {_text(entry)}" for entry in gone]


def _text(entry: Filter) -> str:
    action, message, category, module, line = entry
    patterns = (getattr(part, "pattern", part) for part in (message, module))
    name = f"{category.__module__}.{category.__qualname__}"
    return "|".join(map(str, (action, *patterns, name, line)))
