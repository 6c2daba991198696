"""Which databases SQLAlchemy's own plugin tests with. What it makes of a class depends on what they can do."""

from __future__ import annotations

import re
from typing import Any

#: A database that is new, and the same, in each process.
_IN_MEMORY = re.compile(r"sqlite(\+pysqlite(_\w+)?)?://(/(:memory:)?)?")


def library() -> str:
    """The database's library and its version, which no file of a record says."""
    import sqlite3

    return f"sqlite {sqlite3.sqlite_version}"


def _urls(options: Any, settings: Any) -> list[str]:
    """As the plugin's `_engine_uri` finds them."""
    urls = list(options.dburi or ())
    for names in options.db or ():
        urls += [settings.get("db", name) for name in re.split(r"[,\s]+", names)]
    return urls or [settings.get("db", "default")]


def why_not(config: Any, hook: Any) -> str:
    """Why its tests can't be known from records, empty where they can.

    :param hook: its `pytest_collection_modifyitems`.
    """
    try:
        settings = hook.__globals__["plugin_base"].file_config
        urls = _urls(config.option, settings)
        drivers = list(config.option.dbdriver or ())
    except Exception as error:
        return f"SQLAlchemy's own plugin: no database is known ({type(error).__name__}: {error})"
    for url in (*urls, *drivers):
        if not isinstance(url, str) or not _IN_MEMORY.fullmatch(url):
            return "SQLAlchemy's own plugin makes tests by what another database than SQLite in memory can do"
    return ""
