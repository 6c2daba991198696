"""Why the plugin takes no part in a session."""

from __future__ import annotations

import argparse

import pytest

from . import compat
from .active_adapters import needs_objects


def why_aside_early(namespace: argparse.Namespace) -> str:
    """What is known before conftests are loaded; empty for no reason, "quiet" for one that nobody needs to know.

    :param namespace: the options, as far as they are known.
    """
    if not compat.is_supported():
        return f"pytest {pytest.__version__} is not among the versions it knows"
    if getattr(namespace, "looponfail", False):
        return "pytest-xdist's --looponfail runs the tests in another process"
    if getattr(namespace, "showfixtures", False) or getattr(
        namespace, "show_fixtures_per_test", False
    ):
        return "quiet"
    return ""


def why_aside(config: pytest.Config) -> str:
    """What is known when everything of pytest is loaded; see `why_aside_early`."""
    return why_aside_early(config.option) or needs_objects(config)
