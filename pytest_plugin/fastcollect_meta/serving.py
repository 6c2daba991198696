"""What kind of question is being asked of lazy nodes: some are answered with stand-ins instead of an import."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class Serving:
    """Flags, each true only while pytest's own code asks that question."""

    __slots__ = ("docs", "function_keys", "grouping")

    def __init__(self) -> None:
        #: -k reads the keys of `item.function.__dict__`.
        self.function_keys = False
        #: pytest groups items by parameters of high scopes: `callspec.params` and `cls`.
        self.grouping = False
        #: the tree of --collect-only -v reads docstrings of `obj`.
        self.docs = False

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
