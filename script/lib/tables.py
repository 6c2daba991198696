"""Writes the tables of the docs that follow from the code: reasons into reference.md, adapters into adapters.md."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def module(name: str) -> Any:
    """A module of the package, which needn't be installed."""
    package = sys.modules.setdefault("fastcollect_meta", ModuleType("fastcollect_meta"))
    package.__path__ = [str(ROOT / "pytest_plugin" / "fastcollect_meta")]
    return importlib.import_module(f"fastcollect_meta.{name}")


def replace(page: Path, name: str, table: str) -> None:
    """Put a table between the comments of that name."""
    begin = f"<!-- {name}: made by script/lib/tables.py -->\n"
    end = f"<!-- end of {name} -->\n"
    head, _, rest = page.read_text().partition(begin)
    _, _, tail = rest.partition(end)
    page.write_text(f"{head}{begin}\n{table}\n{end}{tail}")


def reasons() -> str:
    """Each reason to collect a file natively."""

    found = module("reasons").EXPLANATIONS
    rows = "".join(f"| `{name}` | {text} |\n" for name, text in found.items())
    return f"| reason | the file |\n|---|---|\n{rows}"


def adapters() -> str:
    """Each hook of each adapter."""

    rows = ""
    for adapter in module("adapters").ADAPTERS:
        versions = adapter.versions
        for hook, treatment in adapter.hooks.items():
            answers = ", ".join(adapter.answers.get(hook, ()))
            how = f"`{treatment}`" + (f", {answers} answered" if answers else "")
            sort = adapter.sort.get(hook)
            how += f", sorted by {', '.join(sort)}" if sort else ""
            between = f"{versions.first} {versions.between} {versions.after}"
            rows += f"| {versions.distribution} | {between} | `{hook}` | {how} |\n"
    return f"| plugin | versions | hook | treatment |\n|---|---|---|---|\n{rows}"


replace(ROOT / "docs" / "reference.md", "reasons", reasons())
replace(ROOT / "docs" / "adapters.md", "adapters", adapters())
