"""Warnings that come from compiling a file: Python raises them again only when it compiles the file again."""

from __future__ import annotations

import importlib.util
import os
import re

import pytest

#: What CPython's compiler and pytest's rewriting of assertions say.
_TEXT = re.compile(
    r"invalid (escape|octal escape) sequence|is an invalid (octal )?escape sequence|invalid \w+ literal$"
    r'|^"is( not)?" with |; perhaps you missed a comma\?$|^assertion is always true, perhaps remove parentheses\?'
    r"|in a 'finally' block$"
)


def is_from_compiling(text: str, category: type[Warning]) -> bool:
    """Whether a warning is one that only compiling raises."""
    kinds = (SyntaxWarning, DeprecationWarning, pytest.PytestAssertRewriteWarning)
    return issubclass(category, kinds) and _TEXT.search(text) is not None


def is_compiled(path: str) -> bool:
    """Whether the result of compiling a file is kept, so that importing the file doesn't compile it."""
    try:
        cached = importlib.util.cache_from_source(path)
        names = os.listdir(os.path.dirname(cached))
    except (OSError, NotImplementedError, ValueError):
        return False
    stem = os.path.basename(cached).removesuffix(".pyc")
    return any(
        name.startswith((f"{stem}.", f"{stem}-")) and name.endswith(".pyc") for name in names
    )
