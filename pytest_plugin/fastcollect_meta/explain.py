"""Who made modules import before their tests ran: found on the stack at the moment of the import."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import pytest

from .plugin_names import plugin_id

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep

#: Hooks that can be declared in the ini option `fastcollect_meta_hooks`.
DECLARABLE = ("pytest_collection_modifyitems", "pytest_itemcollected")
#: What is asked for a hook that is declared, where the record of a file can't say it.
_PART = "the tests that it makes of a part of a file"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who looked at what: the names that people know, not objects.

    :param plugin: "conftest.py" relative to the root directory, or a plugin's module.
    :param hook: the hook's name, or a function's where no hook was running.
    :param attribute: of the node that was asked, as in "item.function".
    """

    plugin: str
    hook: str
    attribute: str

    @property
    def declaration(self) -> str:
        """The line for the ini file, empty where this hook can't be declared."""
        if (
            self.hook not in DECLARABLE
            or self.plugin.startswith("_pytest.")
            or self.attribute == _PART
        ):
            return ""
        return f"per-file: {self.plugin}::{self.hook}"


@dataclass(frozen=True, slots=True)
class Imported:
    """One module that was imported for an answer."""

    asker: Asker
    path: str
    #: Tests of the module; -1 where it was imported before it was known to have any.
    items: int


class ImportLog:
    """Every module that was imported before its tests ran."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._hooks: dict[CodeType, tuple[str, str]] = {}
        self._known = -1
        self.imported: list[Imported] = []
        #: Who asks, where that is known without looking at the stack.
        self.asker: Asker | None = None

    def note(self, path: str, items: int) -> None:
        """A module has been imported for somebody further up this stack."""
        if self.asker is not None:
            self.imported.append(Imported(self.asker, path, items))
            return
        frame: FrameType | None = sys._getframe(1)
        attribute, frame = _attribute(frame)
        if attribute == "":
            return  # its test runs
        plugin, hook = self._hook(frame)
        served = _served(sys._getframe(1))
        if served:
            (plugin, _, hook), attribute = served.rpartition("::"), _PART
        self.imported.append(Imported(Asker(plugin, hook, attribute), path, items))

    def _hook(self, frame: FrameType | None) -> tuple[str, str]:
        """The innermost hook implementation on a stack; without one, the function that asked."""
        hooks = self._implementations()
        at = frame
        while at is not None:
            found = hooks.get(at.f_code)
            if found is not None:
                return found
            at = at.f_back
        if frame is None:
            return "unknown", "unknown"
        return str(frame.f_globals.get("__name__", "unknown")), frame.f_code.co_name

    def _implementations(self) -> dict[CodeType, tuple[str, str]]:
        """(plugin, hook) by the code of each registered hook implementation but ours."""
        manager = self._config.pluginmanager
        plugins = manager.list_name_plugin()
        if len(plugins) == self._known:
            return self._hooks
        self._known = len(plugins)
        for name, plugin in plugins:
            if plugin is None:
                continue
            for caller in manager.get_hookcallers(plugin) or ():
                for implementation in caller.get_hookimpls():
                    if implementation.plugin is not plugin:
                        continue
                    for code in _codes(implementation.function):
                        if not code.co_filename.startswith(_OURS):
                            known = plugin_id(plugin, name, self._config)
                            self._hooks[code] = (known, caller.name)
        return self._hooks

    def askers(self) -> Counter[Asker]:
        """Modules that each of them has made import."""
        return Counter(imported.asker for imported in self.imported)


def _codes(function: Any) -> Iterator[CodeType]:
    """Code of a function and of what it wraps."""
    seen = 0
    while function is not None and seen < 10:
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType):
            yield code
        function, seen = getattr(function, "__wrapped__", None), seen + 1


def _attribute(frame: FrameType | None) -> tuple[str, FrameType | None]:
    """What was asked of a lazy node, and the first frame that isn't ours; "" where nobody did."""
    asked = "?"
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        name, values = frame.f_code.co_name, frame.f_locals
        if name in ("prepare_to_run", "import_running", "_import_predecessors", "begin_native"):
            return "", None
        asked = _question(name, values) or asked
        frame = frame.f_back
    return asked, frame


def _served(frame: FrameType | None) -> str:
    """The hook that is being served from records, empty where none is."""
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        if frame.f_code.co_name == "serve_items":
            return str(frame.f_locals.get("hook", ""))
        frame = frame.f_back
    return ""


def _question(function: str, values: dict[str, Any]) -> str:
    owner: Any = values.get("self")
    kind = type(owner).__name__
    if function == "__get__":
        return f"item.{owner.name}" if hasattr(owner, "name") else ""
    if kind == "LazyParams":
        return "item.callspec.params"
    if kind == "LazyKeywords":
        return f"item.keywords[{values.get('key')!r}]"
    if kind == "Mark":
        return f"the arguments of marker {owner.__dict__.get('name')}" if owner is not None else ""
    if function == "__getattr__":
        return f"{_word(owner)}.{values.get('name')}"
    if function in ("obj", "function", "cls", "instance", "module", "collect"):
        return f"{_word(owner)}.{function}"
    return ""


def _word(node: object) -> str:
    return "item" if isinstance(node, pytest.Item) else "collector"


def explain(log: ImportLog) -> Iterator[str]:
    """The lines of --explain-imports."""
    if not log.imported:
        yield "no module was imported before its tests ran"
        return
    tests = sum(max(imported.items, 0) for imported in log.imported)
    yield f"{len(log.imported)} modules with {tests} tests were imported before their tests ran:"
    for asker, number in log.askers().most_common():
        mine = [imported for imported in log.imported if imported.asker == asker]
        total = sum(max(imported.items, 0) for imported in mine)
        yield (
            f"  {asker.plugin}::{asker.hook} asked for {asker.attribute}: "
            f"{number} modules, {total} tests"
        )
        for imported in mine:
            tests_text = (
                f"{imported.items} tests" if imported.items >= 0 else "before its collection"
            )
            yield f"      {imported.path} ({tests_text})"
        if asker.declaration:
            yield "    if this hook looks at each test on its own and changes nothing else, add to the ini file:"
            yield "      fastcollect_meta_hooks ="
            yield f"          {asker.declaration}"


def summary(log: ImportLog, recorded: int) -> str:
    """One line where a single hook made everything import, else empty.

    :param recorded: files that came from records.
    """
    if not log.imported:
        return ""
    asker, number = log.askers().most_common(1)[0]
    if number < recorded:
        return ""
    return (
        f"{asker.plugin}::{asker.hook} made all {number} modules import, asking for {asker.attribute} "
        "(--explain-imports says more)"
    )
