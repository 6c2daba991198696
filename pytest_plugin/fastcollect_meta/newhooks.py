"""Hooks that this plugin offers to others."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


@pytest.hookspec
def pytest_fastcollect_meta_hooks(config: pytest.Config) -> Iterable[str] | None:
    """How hooks of your plugin are treated: lines as in the ini option `fastcollect_meta_hooks`, such as
    "per-file: my_plugin::pytest_collection_modifyitems".

    Called in the main process and in the farm's, after the configuration is read. Mark your implementation with
    `@pytest.hookimpl(optionalhook=True)`, so that it may be there without this plugin.
    """
