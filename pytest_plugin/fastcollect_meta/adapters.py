"""Adapters that ship with the package: how hooks of well-known plugins are treated, in the versions that were tested."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from . import sqlalchemy_databases


@dataclass(frozen=True, slots=True)
class InstalledVersion:
    """Versions of the distribution that is installed: from the first on, below the second."""

    distribution: str
    first: str
    after: str

    #: How the docs say it.
    between = "to below"

    def fits(self) -> bool:
        """Whether it is one of these."""
        return _is_between(version_of(self.distribution), self.first, self.after)


@dataclass(frozen=True, slots=True)
class LoadedVersion(InstalledVersion):
    """Versions that a module says of itself, which may come from a folder that nobody has installed."""

    def fits(self) -> bool:
        """Whether it is one of these."""
        version = str(getattr(sys.modules.get(self.distribution), "__version__", ""))
        return _is_between(version, self.first, self.after)


@dataclass(frozen=True, slots=True)
class KnownFunction:
    """What has no version: known by the names that one of its functions uses.

    :param first: when it was as it was tested first, in words; `after`: last.
    """

    distribution: str
    first: str
    after: str
    module: str
    function: str
    names: frozenset[str]

    #: How the docs say it.
    between = "to"

    def fits(self) -> bool:
        """Whether the function is there, and uses no others."""
        function = getattr(sys.modules.get(self.module), self.function, None)
        names = getattr(getattr(function, "__code__", None), "co_names", ())
        return bool(names) and self.names.issuperset(names)


@dataclass(frozen=True, slots=True)
class Adapter:
    """How one plugin's hooks are treated.

    :param plugin: its module, or "module:class" for an object that is registered.
    :param versions: those that it was made for, the first of which was tested as well as the newest of November 2026.
    :param hooks: treatment by hook: "run", "per-file" or "replay".
    :param answers: what is answered from records while a hook runs: "classes", "modules", "coroutines", "lines" (see serving.py).
    :param only_with: a module without which its hooks that are treated per file do nothing.
    """

    plugin: str
    versions: InstalledVersion | KnownFunction
    hooks: dict[str, str]
    answers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    only_with: str = ""
    #: By what a hook that is treated per file sorts the whole list at its end.
    sort: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: Classes whose subclasses tests are made of ("module:class"): a file that adds to them is a registrar.
    class_trees: tuple[str, ...] = ()
    #: End of the path of the file that defines its hooks, where others have them as their own.
    file: str = ""
    #: Why a session's tests can't be known from records, empty where they can: of the configuration and the hook.
    why_not: Callable[[Any, Any], str] | None = None
    #: What else its tests depend on, which no file of a record says.
    depends_on: Callable[[], str] | None = None


#: Makes a class for each database from a class of tests. Projects load it in a conftest, SQLAlchemy itself from its file.
SQLALCHEMY = Adapter(
    "sqlalchemy.testing.plugin.pytestplugin",
    LoadedVersion("sqlalchemy", "2.0.20", "2.2"),
    {"pytest_collection_modifyitems": "per-file"},
    sort={"pytest_collection_modifyitems": ("file", "class", "name")},
    class_trees=("sqlalchemy.sql.cache_key:HasCacheKey",),
    file="/sqlalchemy/testing/plugin/pytestplugin.py",
    why_not=sqlalchemy_databases.why_not,
    depends_on=sqlalchemy_databases.library,
)

#: All names that VS Code's function uses which asks for lines of classes.
_VSCODE_ASKS = frozenset(
    """
    hasattr inspect getsourcelines obj str OSError TypeError name get_node_path Children get_absolute_test_id nodeid
    """.split()
)

#: Comes with an editor, without a version: known by the function that asks for lines of classes. Tested as it was when it
#: began to ask, and in its newest state.
VSCODE = Adapter(
    "vscode_pytest",
    KnownFunction(
        "VS Code's vscode_pytest",
        "November 2025",
        "July 2026",
        "vscode_pytest",
        "create_class_node",
        _VSCODE_ASKS,
    ),
    {"pytest_sessionfinish": "run"},
    {"pytest_sessionfinish": ("lines",)},
)

ADAPTERS: tuple[Adapter, ...] = (
    Adapter(
        "anyio.pytest_plugin",
        InstalledVersion("anyio", "4.9", "5"),
        {"pytest_collection_finish": "run"},
        {"pytest_collection_finish": ("coroutines",)},
    ),
    Adapter(
        "_hypothesis_pytestplugin",
        InstalledVersion("hypothesis", "6.130", "7"),
        {"pytest_collection_modifyitems": "per-file"},
        only_with="hypothesis",
    ),
    Adapter(
        "pytest_django.plugin",
        InstalledVersion("pytest-django", "4.9", "5"),
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
        InstalledVersion("pytest-order", "1.2", "2"),
        {"pytest_collection_modifyitems": "run"},
        {"pytest_collection_modifyitems": ("classes",)},
    ),
    Adapter(
        "pytest_randomly",
        InstalledVersion("pytest-randomly", "3.16", "6"),
        {"pytest_collection_modifyitems": "run"},
        {"pytest_collection_modifyitems": ("classes", "modules")},
    ),
    SQLALCHEMY,
    VSCODE,
)


@cache
def version_of(distribution: str) -> str:
    """The version that is installed, empty where there is none."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def _is_between(version: str, first: str, after: str) -> bool:
    return bool(version) and _parts(first) <= _parts(version) < _parts(after)


def adapter_fits(adapter: Adapter) -> bool:
    """Whether the plugin that is there is of a version that the adapter was made for."""
    return adapter.versions.fits()


def adapter_of_function(function: object) -> Adapter | None:
    """The adapter of a plugin whose hooks others have as their own."""
    path = str(getattr(getattr(function, "__code__", None), "co_filename", ""))
    shared = (adapter for adapter in ADAPTERS if adapter.file)
    return next((adapter for adapter in shared if path.endswith(adapter.file)), None)


def why_not(adapter: Adapter, config: Any, function: object) -> str:
    """Why the tests of a session can't be known from records; empty where they can.

    :param function: a hook of the plugin's, as others have it.
    """
    if not adapter_fits(adapter):
        return f"the plugin of {adapter.versions.distribution} is of another version"
    return "" if adapter.why_not is None else adapter.why_not(config, function)
