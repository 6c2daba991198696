"""Which hooks of which plugins are treated in another way than being called in the main process, on lazy nodes."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from . import compat
from .adapters import ADAPTERS, Adapter, adapter_fits, adapter_of_function, why_not
from .plugin_names import plugin_id
from .sorting import SORT_KEYS

#: Hooks that can be treated per file, with the arguments that they need for that.
PER_FILE_HOOKS = {
    "pytest_collection_modifyitems": "items",
    "pytest_itemcollected": "item",
    "pytest_collectstart": "collector",
}


class Treatment(enum.Enum):
    """How a hook is treated."""

    #: Called in the main process, on lazy nodes.
    RUN = "run"
    #: Called where a file is collected, on its nodes; the record holds what it did.
    PER_FILE = "per-file"
    #: Called in the main process; what it did to the whole list is applied again while the list is the same.
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Declaration:
    """How one hook is to be treated.

    :param plugin: as `plugin_id` names it.
    :param adapter: the shipped adapter that says so, None for the user or another plugin.
    """

    plugin: str
    hook: str
    treatment: Treatment
    adapter: Adapter | None = None
    #: By what a hook that is treated per file sorts the whole list at its end (see sorting.py); empty: it doesn't.
    sort: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its name in records and in the ini file."""
        return f"{self.plugin}::{self.hook}"


def parse_declaration(line: str, where: str) -> Declaration:
    """The declaration in a line such as "per-file: conftest.py::pytest_collection_modifyitems".

    :param where: it stands, for the error.
    :raises pytest.UsageError: for a line that makes no sense.
    """
    name, colon, hook_id = (part.strip() for part in line.partition(":"))
    plugin, separator, hook = hook_id.rpartition("::")
    hook, sorts, by = (part.strip() for part in hook.partition(" sorted by "))
    sort = tuple(key.strip() for key in by.split(",")) if sorts else ()
    try:
        treatment = Treatment(name)
    except ValueError:
        treatment = None  # type: ignore[assignment]
    if treatment is None or not colon or not separator or not plugin:
        raise pytest.UsageError(
            f"{where}: expected TREATMENT: PLUGIN::HOOK with run, per-file or replay, not {line!r}"
        )
    if treatment is Treatment.PER_FILE and hook not in PER_FILE_HOOKS:
        raise pytest.UsageError(
            f"{where}: {hook} can't be treated per file; these can: {', '.join(PER_FILE_HOOKS)}"
        )
    if treatment is Treatment.REPLAY and hook != "pytest_collection_modifyitems":
        raise pytest.UsageError(f"{where}: only pytest_collection_modifyitems can be replayed")
    if sort and (treatment is not Treatment.PER_FILE or not hook.endswith("_modifyitems")):
        raise pytest.UsageError(
            f"{where}: only pytest_collection_modifyitems that is treated per file sorts"
        )
    if not set(sort) <= set(SORT_KEYS):
        raise pytest.UsageError(f"{where}: sorted by some of {', '.join(SORT_KEYS)}, not {by!r}")
    return Declaration(plugin, hook, treatment, sort=sort)


def declarations(config: pytest.Config) -> dict[str, Declaration]:
    """All declarations by their id: the ini file's come before plugins', and those before shipped adapters'.

    :raises pytest.UsageError: for a line that makes no sense.
    """
    found: dict[str, Declaration] = {}
    for adapter in ADAPTERS:
        if adapter.plugin.partition(":")[0] in sys.modules and adapter_fits(adapter):
            for declared in _of_adapter(adapter, adapter.plugin):
                found[declared.id] = declared
    ask = getattr(config.hook, "pytest_fastcollect_meta_hooks", None)
    for lines in ask(config=config) if ask is not None else ():
        for line in lines or ():
            declared = parse_declaration(line, "pytest_fastcollect_meta_hooks")
            found[declared.id] = declared
    for line in compat.own_lines(config, "fastcollect_meta_hooks"):
        declared = parse_declaration(line, "fastcollect_meta_hooks")
        found[declared.id] = declared
    return found


def _of_adapter(adapter: Adapter, plugin: str) -> Iterator[Declaration]:
    for hook, name in adapter.hooks.items():
        yield Declaration(plugin, hook, Treatment(name), adapter, adapter.sort.get(hook, ()))


@dataclass(eq=False, slots=True)
class TreatedHook:
    """A hook implementation that is registered, and how it is treated.

    :param implementation: pluggy's.
    :param function: the plugin's own, also while another one is in its place.
    """

    declaration: Declaration
    implementation: Any
    function: Callable[..., Any]

    @property
    def id(self) -> str:
        """Its name in records and in the ini file."""
        return self.declaration.id

    @property
    def hook(self) -> str:
        """The hook's name."""
        return self.declaration.hook

    @property
    def is_wrapper(self) -> bool:
        """Whether its function is a generator around the others."""
        return bool(self.implementation.wrapper or self.implementation.hookwrapper)

    def does_something(self) -> bool:
        """Whether the module is loaded without which it does nothing."""
        adapter = self.declaration.adapter
        return adapter is None or not adapter.only_with or adapter.only_with in sys.modules

    def call(self, arguments: dict[str, Any]) -> Any:
        """Call the plugin's own function; for a wrapper gives the generator."""
        implementation = self.implementation
        optional = getattr(implementation, "kwargnames", ())
        return self.function(
            *[arguments[name] for name in implementation.argnames],
            **{name: arguments[name] for name in optional if name in arguments},
        )


@dataclass(eq=False, slots=True)
class Treatments:
    """The hooks of one session that are treated; `look` finds those of plugins that have come meanwhile."""

    config: pytest.Config
    declared: dict[str, Declaration]
    #: In no particular order.
    hooks: list[TreatedHook] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, config: pytest.Config) -> Treatments:
        """Those that the configuration declares; none of them is looked for yet."""
        return cls(config, declarations(config))

    def look(self) -> list[TreatedHook]:
        """Treated hooks of plugins that weren't there the last time."""
        new = list(self._new())
        self.hooks += new
        return new

    def _new(self) -> Iterator[TreatedHook]:
        manager = self.config.pluginmanager
        for name, plugin in manager.list_name_plugin():
            if plugin is None or id(plugin) in self._seen:
                continue
            self._seen.add(id(plugin))
            known = plugin_id(plugin, name, self.config)
            for caller in manager.get_hookcallers(plugin) or ():
                declared = self.declared.get(f"{known}::{caller.name}")
                for implementation in caller.get_hookimpls():
                    if implementation.plugin is not plugin:
                        continue
                    one = declared or self._by_function(implementation.function, known, caller.name)
                    if one is not None and _can_be(one, implementation):
                        yield TreatedHook(one, implementation, implementation.function)

    def _by_function(self, function: object, plugin: str, hook: str) -> Declaration | None:
        """What an adapter says of a hook that a conftest has from another module."""
        adapter = adapter_of_function(function)
        if adapter is None or why_not(adapter, self.config, function):
            return None
        return next((one for one in _of_adapter(adapter, plugin) if one.hook == hook), None)

    def in_order(self, hook: str, treatment: Treatment) -> list[TreatedHook]:
        """Treated hooks of that name, in the order in which pluggy calls them."""
        caller = getattr(self.config.hook, hook)
        mine = {
            id(treated.implementation): treated
            for treated in self.hooks
            if treated.hook == hook and treated.declaration.treatment is treatment
        }
        return [
            mine[id(implementation)]
            for implementation in reversed(caller.get_hookimpls())
            if id(implementation) in mine
        ]


def _can_be(declared: Declaration, implementation: Any) -> bool:
    if declared.treatment is Treatment.RUN:
        return True
    return PER_FILE_HOOKS[declared.hook] in implementation.argnames
