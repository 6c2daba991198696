"""Plugins that the product knows to need every object while collecting: with them, metadata can only cost time."""

from __future__ import annotations

import pytest

#: Module of the plugin, and what it does.
NEEDS_OBJECTS: dict[str, str] = {
    "sqlalchemy.testing.plugin.pytestplugin": "SQLAlchemy's own plugin makes new classes and items from every test",
    "testmon.pytest_testmon": "pytest-testmon needs to see every test being made",
}


def needs_objects(config: pytest.Config) -> str:
    """Why a plugin that is active needs every object, empty where none does."""
    for plugin in config.pluginmanager.get_plugins():
        name = getattr(plugin, "__name__", None)
        if isinstance(name, str) and name in NEEDS_OBJECTS:
            if name.startswith("testmon.") and not _testmon_is_on(config):
                continue
            return NEEDS_OBJECTS[name]
    return ""


def _testmon_is_on(config: pytest.Config) -> bool:
    return any(
        config.pluginmanager.has_plugin(name) for name in ("TestmonCollect", "TestmonSelect")
    )
