"""The `fastcollect-meta` command: hands over to the coordinator's program."""

from __future__ import annotations

import os
import sys

from fastcollect_meta import binaries


def main() -> int:
    """Replace this process by the program; returns 1, with a line on stderr, only if it is missing.

    FASTCOLLECT_META_PYTHON tells it which interpreter it was installed for.
    """
    program = binaries.coordinator()
    if program is None:
        print("fastcollect-meta: its program is missing; reinstall the package", file=sys.stderr)
        return 1
    os.environ.setdefault("FASTCOLLECT_META_PYTHON", sys.executable)
    os.execv(program, [program, *sys.argv[1:]])
