"""Adapters that ship with the package: how hooks of well-known plugins are treated, in the versions that were tested."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from dataclasses import dataclass, field
from functools import cache


@dataclass(frozen=True, slots=True)
class Adapter:
    """How one plugin's hooks are treated.

    :param plugin: its module, or "module:class" for an object that is registered.
    :param distribution: whose version counts.
    :param versions: from the first on, which was tested as well as the newest of November 2026, below the second.
    :param hooks: treatment by hook: "run", "per-file" or "replay".
    :param answers: what is answered from records while a hook runs: "classes", "modules", "coroutines", "lines" (see serving.py).
    :param only_with: a module without which its hooks that are treated per file do nothing.
    """

    plugin: str
    distribution: str
    versions: tuple[str, str]
    hooks: dict[str, str]
    answers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    only_with: str = ""
    #: By what a hook that is treated per file sorts the whole list at its end.
    sort: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: Classes whose subclasses tests are made of ("module:class"): a file that adds to them is a registrar.
    class_trees: tuple[str, ...] = ()


#: Makes a class for each database from a class of tests. Projects load it in a conftest, SQLAlchemy itself from its file.
SQLALCHEMY = Adapter(
    "sqlalchemy.testing.plugin.pytestplugin",
    "sqlalchemy",
    ("2.0.20", "2.2"),
    {"pytest_collection_modifyitems": "per-file"},
    sort={"pytest_collection_modifyitems": ("file", "class", "name")},
    class_trees=("sqlalchemy.sql.cache_key:HasCacheKey",),
)

#: Comes with an editor, without a version: known by the function that asks for lines of classes. Tested as it was when it
#: began to ask, and in its newest state.
VSCODE = Adapter(
    "vscode_pytest",
    "VS Code's vscode_pytest",
    ("November 2025", "July 2026"),
    {"pytest_sessionfinish": "run"},
    {"pytest_sessionfinish": ("lines",)},
)
_VSCODE_ASKS = frozenset(
    """
    hasattr inspect getsourcelines obj str OSError TypeError name get_node_path Children get_absolute_test_id nodeid
    """.split()
)

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


def adapter_fits(adapter: Adapter) -> bool:
    """Whether the version that is installed is one that the adapter was tested with."""
    if adapter is VSCODE:
        asking = getattr(sys.modules.get(adapter.plugin), "create_class_node", None)
        names = getattr(getattr(asking, "__code__", None), "co_names", ())
        return bool(names) and _VSCODE_ASKS.issuperset(names)
    version = version_of(adapter.distribution)
    if adapter is SQLALCHEMY:
        # its own suite runs from a folder that nobody has installed
        version = str(getattr(sys.modules.get("sqlalchemy"), "__version__", ""))
    first, after = adapter.versions
    return bool(version) and _parts(first) <= _parts(version) < _parts(after)


def adapter_of_function(function: object) -> Adapter | None:
    """The adapter of a plugin whose hooks others have as their own."""
    path = str(getattr(getattr(function, "__code__", None), "co_filename", ""))
    return SQLALCHEMY if path.endswith("/sqlalchemy/testing/plugin/pytestplugin.py") else None
