"""Fixtures that hooks register: a file that is imported later must not find what wasn't there when it was collected."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator

import pytest

from . import compat


class LateFixtures:
    """Notes which fixtures are registered from now on, other than by the collector that is being collected."""

    def __init__(self, session: pytest.Session) -> None:
        self._now = 0
        #: What was registered: by the path in the id of the node that sees it, with its place in the order of all.
        self._registered: defaultdict[str, list[tuple[int, compat.RegisteredFixture]]] = (
            defaultdict(list)
        )
        self._hiding = 0
        self._own: str | None = None
        compat.observe_fixtures(session, lambda: not self._hiding, self._note)

    @property
    def now(self) -> int:
        """How many have been registered."""
        return self._now

    def collecting(self, node: pytest.Collector | None) -> None:
        """`node` is collected: what is registered for itself is its own, not a hook's. None: that is over."""
        self._own = None if node is None else node.nodeid

    def _note(self, fixture: compat.RegisteredFixture) -> None:
        if fixture.base == self._own:
            return
        self._now += 1
        self._registered[fixture.base.partition("::")[0]].append((self._now, fixture))

    @contextlib.contextmanager
    def hidden(self, root: pytest.Collector, after: int) -> Iterator[None]:
        """The tests of a file see no fixture that was registered after that many; then those override what has come meanwhile."""
        taken: list[compat.RegisteredFixture] = []
        if self._now > after:
            paths = {"", *(node.nodeid for node in root.listchain())}
            later = [
                numbered
                for path in paths & self._registered.keys()
                for numbered in self._registered[path]
                if numbered[0] > after
            ]
            later.sort(key=lambda numbered: numbered[0])
            taken = [fixture for _, fixture in later if fixture.take_out()]
        self._hiding += 1
        try:
            yield
        finally:
            self._hiding -= 1
            for fixture in taken:
                fixture.put_back()
