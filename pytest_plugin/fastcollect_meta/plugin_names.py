"""How plugins are called in the ini file and in messages."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def plugin_id(plugin: object, name: str, config: pytest.Config) -> str:
    """A conftest's path relative to the root directory, another plugin's module, "module:class" of an object.

    :param name: under which the plugin manager has it.
    """
    file = getattr(plugin, "__file__", None)
    if isinstance(file, str) and os.path.basename(file) == "conftest.py":
        with contextlib.suppress(ValueError):
            return Path(file).relative_to(config.rootpath).as_posix()
        return file
    module = getattr(plugin, "__name__", None)
    if isinstance(module, str) and file is not None:
        return module
    made = plugin if isinstance(plugin, type) else type(plugin)
    return name if made.__module__ == "builtins" else f"{made.__module__}:{made.__qualname__}"
