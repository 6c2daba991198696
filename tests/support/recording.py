"""Plugin: records what each file's collection depends on and writes it as JSON to $RECORDING_TO at the end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator

from fastcollect_meta import dependencies

TO = os.environ.pop("RECORDING_TO")
dependencies.install()

import pytest  # noqa: E402
from fastcollect_meta.options_key import options_key  # noqa: E402


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    file = collector.getparent(pytest.File)
    if file is None:
        return (yield)
    dependencies.begin(file.path)
    try:
        return (yield)
    finally:
        dependencies.end(file.path)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    from fastcollect_meta import newhooks, options

    options.add_options(parser)
    pluginmanager.add_hookspecs(newhooks)


def pytest_collection_finish(session: pytest.Session) -> None:
    dependencies.configure(session.config)
    files = {item.getparent(pytest.File).path for item in session.items}  # type: ignore[union-attr]
    answer = {str(path): dependencies.of(path) for path in files}
    base = dependencies.base(session.config)
    with open(TO, "w", encoding="utf-8") as out:
        json.dump(
            {
                "files": {path: _text(found) for path, found in answer.items()},
                "base": _text(base),
                "key": options_key(session.config).hex(),
                "loaded": sorted(
                    file
                    for module in list(sys.modules.values())
                    if isinstance(file := getattr(module, "__dict__", {}).get("__file__"), str)
                ),
            },
            out,
        )


def _text(found: dependencies.Dependencies) -> dict[str, object]:
    return {
        name: value if isinstance(value, str) else [os.fsdecode(path) for path in value]
        for name, value in found.items()
    }
