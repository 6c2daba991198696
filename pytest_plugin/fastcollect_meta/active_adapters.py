"""What the plugins of a session mean for it: adapters of those that others have as their own, and who needs every object."""

from __future__ import annotations

import pytest

from . import compat
from .adapters import Adapter, adapter_fits, adapter_of_function, why_not

#: Plugins that need every object: module of the plugin, and what it does.
NEEDS_OBJECTS: dict[str, str] = {
    "testmon.pytest_testmon": "pytest-testmon needs to see every test being made",
}


def active_adapters(config: pytest.Config) -> list[Adapter]:
    """Adapters of plugins whose hooks a plugin of this session has as its own, where they fit."""
    found = (
        adapter_of_function(getattr(plugin, "pytest_collection_modifyitems", None))
        for plugin in config.pluginmanager.get_plugins()
    )
    return [adapter for adapter in found if adapter is not None and adapter_fits(adapter)]


def class_trees(config: pytest.Config) -> tuple[str, ...]:
    """Classes whose subclasses tests are made of, by the ini file and by adapters of plugins that are active."""
    trees = compat.own_lines(config, "fastcollect_meta_class_trees")
    for adapter in active_adapters(config):
        trees += adapter.class_trees
    return tuple(dict.fromkeys(trees))


def other_dependencies(config: pytest.Config) -> list[str]:
    """What tests depend on, besides what their records say, by adapters of plugins that are active."""
    asked = (adapter.depends_on for adapter in active_adapters(config))
    return list(dict.fromkeys(depends_on() for depends_on in asked if depends_on is not None))


def needs_objects(config: pytest.Config) -> str:
    """Why a plugin that is active needs every object, empty where none does."""
    for plugin in config.pluginmanager.get_plugins():
        name = getattr(plugin, "__name__", None)
        if isinstance(name, str) and name in NEEDS_OBJECTS:
            if name.startswith("testmon.") and not _testmon_is_on(config):
                continue
            return NEEDS_OBJECTS[name]
        hook = getattr(plugin, "pytest_collection_modifyitems", None)
        adapter = adapter_of_function(hook)
        reason = "" if adapter is None else why_not(adapter, config, hook)
        if reason:
            return reason
    return ""


def _testmon_is_on(config: pytest.Config) -> bool:
    return any(
        config.pluginmanager.has_plugin(name) for name in ("TestmonCollect", "TestmonSelect")
    )
