"""Dependencies of the files that one process collects, as their records hold them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from . import dependencies

if TYPE_CHECKING:
    import pytest


class DependencyNotes:
    """Splits what is recorded into what all files of this process depend on, and what a single one does besides.

    Made when the session is prepared and no file is collected yet.
    """

    def __init__(
        self, config: pytest.Config, shared: dependencies.Dependencies | None = None
    ) -> None:
        """`shared`: what all files depend on, if that is known already."""
        self.shared = dependencies.base(config) if shared is None else shared
        #: Whether a record holds the shared ones; the first that is made has to.
        self.shared_was_sent = False
        self._shared_facts = dependencies.facts(self.shared)

    @contextlib.contextmanager
    def of(
        self, path: str | os.PathLike[str], extras: dict[str, Any], conftests: Iterable[str] = ()
    ) -> Iterator[None]:
        """Around the collection of a file; fills the record's parts afterwards, also where it fails.

        :param conftests: whose hooks are run on its tests, wherever they lie.
        """
        dependencies.begin(path)
        try:
            yield
        finally:
            dependencies.end(path)
        extras["dependencies"] = dependencies.of(path, conftests, self._shared_facts)
        if not self.shared_was_sent:
            extras["shared_dependencies"] = self.shared
