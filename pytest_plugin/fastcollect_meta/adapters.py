"""Adapters that ship with the package: how hooks of well-known plugins are treated, in the versions that were tested."""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass, field
from functools import cache

import pytest


@dataclass(frozen=True, slots=True)
class Adapter:
    """How one plugin's hooks are treated.

    :param plugin: its module, or "module:class" for an object that is registered.
    :param distribution: whose version counts.
    :param versions: from the first on, which was tested as well as the newest of November 2026, below the second.
    :param hooks: treatment by hook: "run", "per-file" or "replay".
    :param answers: what is answered from records while a hook runs: "classes", "modules", "coroutines" (see serving.py).
    :param only_with: a module without which its hooks that are treated per file do nothing.
    """

    plugin: str
    distribution: str
    versions: tuple[str, str]
    hooks: dict[str, str]
    answers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    only_with: str = ""


ADAPTERS: tuple[Adapter, ...] = (
    Adapter(
        "anyio.pytest_plugin",
        "anyio",
        ("4.9", "5"),
        {"pytest_collection_finish": "run"},
        {"pytest_collection_finish": ("coroutines",)},
    ),
    Adapter(
        "_hypothesis_pytestplugin",
        "hypothesis",
        ("6.130", "7"),
        {"pytest_collection_modifyitems": "per-file"},
        only_with="hypothesis",
    ),
    Adapter(
        "pytest_django.plugin",
        "pytest-django",
        ("4.9", "5"),
        {
            "pytest_collectstart": "per-file",
            "pytest_itemcollected": "per-file",
            "pytest_collection_modifyitems": "run",
        },
        {"pytest_collection_modifyitems": ("classes",)},
        only_with="django",
    ),
    Adapter(
        "pytest_order.plugin:OrderingPlugin",
        "pytest-order",
        ("1.2", "2"),
        {"pytest_collection_modifyitems": "run"},
        {"pytest_collection_modifyitems": ("classes",)},
    ),
    Adapter(
        "pytest_randomly",
        "pytest-randomly",
        ("3.16", "6"),
        {"pytest_collection_modifyitems": "run"},
        {"pytest_collection_modifyitems": ("classes", "modules")},
    ),
)

#: Plugins that need every object: module of the plugin, and what it does.
NEEDS_OBJECTS: dict[str, str] = {
    "sqlalchemy.testing.plugin.pytestplugin": "SQLAlchemy's own plugin makes new classes and items from every test",
    "testmon.pytest_testmon": "pytest-testmon needs to see every test being made",
}


@cache
def version_of(distribution: str) -> str:
    """The version that is installed, empty where there is none."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def adapter_fits(adapter: Adapter) -> bool:
    """Whether the version that is installed is one that the adapter was tested with."""
    version = version_of(adapter.distribution)
    first, after = adapter.versions
    return bool(version) and _parts(first) <= _parts(version) < _parts(after)


def needs_objects(config: pytest.Config) -> str:
    """Why a plugin that is active needs every object, empty where none does."""
    for plugin in config.pluginmanager.get_plugins():
        name = getattr(plugin, "__name__", None)
        if isinstance(name, str) and name in NEEDS_OBJECTS:
            if name.startswith("testmon.") and not _testmon_is_on(config):
                continue
            return NEEDS_OBJECTS[name]
        if _is_sqlalchemy(plugin):
            return NEEDS_OBJECTS["sqlalchemy.testing.plugin.pytestplugin"]
    return ""


def _is_sqlalchemy(plugin: object) -> bool:
    """Whether that is a conftest with the hooks of SQLAlchemy's plugin, which it loads from its file under another name."""
    hook = getattr(plugin, "pytest_collection_modifyitems", None)
    path = getattr(getattr(hook, "__code__", None), "co_filename", "")
    return str(path).endswith("/sqlalchemy/testing/plugin/pytestplugin.py")


def _testmon_is_on(config: pytest.Config) -> bool:
    return any(
        config.pluginmanager.has_plugin(name) for name in ("TestmonCollect", "TestmonSelect")
    )
