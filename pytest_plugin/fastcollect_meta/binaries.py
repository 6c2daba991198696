"""Where the programs that belong to the package lie."""

from __future__ import annotations

import os
from importlib.resources import files

COORDINATOR = "fastcollect-meta"
WORKER = "fastcollect-meta-worker"


def _program(name: str) -> str | None:
    path = str(files("fastcollect_meta").joinpath(name))
    return path if os.access(path, os.X_OK) else None


def coordinator() -> str | None:
    """Absolute path of the coordinator's program, None where the package was built without."""
    return _program(COORDINATOR)


def worker() -> str | None:
    """Absolute path of the embedding worker, None where libpython is not a shared library."""
    return _program(WORKER)
