"""Runs pytest with the plugin in a process of its own, on files that a test writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def write(folder: Path, **files: str) -> None:
    """Write files; a name's `__` stands for a slash, and `.py` is added to names without a dot.

    :raises OSError: where that fails.
    """
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ("" if "." in name else ".py"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def pytest_output(folder: Path, *args: str, status: int | None = 0, plugin: bool = True) -> str:
    """What pytest prints in a folder, with the plugin and two workers.

    :param status: the exit status that it must have, None for any.
    """
    turned_on = ["-p", "fastcollect_meta", "--workers=2"] if plugin else []
    command = [sys.executable, "-m", "pytest", *turned_on, *args]
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ,  # and not the process's own in C, where readline has set COLUMNS
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=150,
        check=False,
    )
    if status is not None:
        assert done.returncode == status, done.stdout
    return done.stdout
