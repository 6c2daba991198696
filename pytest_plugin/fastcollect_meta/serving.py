"""What kind of question is being asked of lazy nodes: some are answered with stand-ins instead of an import."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class Serving:
    """Flags, each true only while pytest's own code, or a hook that is known to, asks that question."""

    __slots__ = ("classes", "coroutines", "docs", "function_keys", "grouping", "lines", "modules")

    def __init__(self) -> None:
        #: -k reads the keys of `item.function.__dict__`.
        self.function_keys = False
        #: pytest groups items by parameters of high scopes: `callspec.params` and `cls`.
        self.grouping = False
        #: the tree of --collect-only -v reads docstrings of `obj`.
        self.docs = False
        #: a hook asks for names and bases of `item.cls`.
        self.classes = False
        #: a hook asks for the name of `item.module`.
        self.modules = False
        #: a hook asks for the line of a class's `obj`.
        self.lines = False
        #: a hook asks whether `item.function` is a coroutine function.
        self.coroutines = False

    @contextlib.contextmanager
    def of(self, question: str) -> Iterator[None]:
        """Answer that question with stand-ins inside the context."""
        before = getattr(self, question)
        setattr(self, question, True)
        try:
            yield
        finally:
            setattr(self, question, before)


serving = Serving()
