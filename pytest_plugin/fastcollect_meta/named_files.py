"""Whether pytest is asked for a few files by their names: then a farm, which prepares pytest once more, gains nothing."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

import pytest

from . import compat

#: Files at most.
FEW = 2


def _are_few_files(args: Iterable[str], folder: Path) -> bool:
    files = set()
    for arg in args:
        path = os.path.join(folder, arg.partition("[")[0].partition("::")[0])
        if not os.path.isfile(path):
            return False
        files.add(os.path.realpath(path))
    return 0 < len(files) <= FEW


def seem_few(config: pytest.Config, namespace: Namespace) -> bool:
    """What it looks like before conftests are loaded, whose options may take what looks like an argument now."""
    args = getattr(namespace, "file_or_dir", None) or ()
    pyargs = getattr(namespace, "pyargs", False)
    return not pyargs and _are_few_files(args, config.invocation_params.dir)


def are_few(config: pytest.Config) -> bool:
    """Whether all arguments name files, or tests in them, and these are a few. Once the command line is known as a whole."""
    if config.option.pyargs or not compat.has_arguments(config):
        return False
    return _are_few_files(config.args, config.invocation_params.dir)
