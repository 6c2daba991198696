"""How long each test file of a suite took, from the manifest's export."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from fcmbench.machine import Machine
from fcmbench.results import Files

# The beginning of a file's line; what follows are its tests, which may be very long.
_LINE = re.compile(rb'\{"path":"((?:[^"\\]|\\.)*)",.{0,400}?"duration":([\d.e+-]+)')


def durations(suite: str, manifest: Path, host: Machine) -> Files | None:
    """The durations in `manifest`; None where it holds none."""
    program = Path(sys.executable).with_name("fastcollect-meta")
    seen: list[tuple[float, str]] = []
    with subprocess.Popen(
        [str(program), "export", "--manifest", str(manifest)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if found := _LINE.match(line):
                seen.append((float(found[2]), found[1].decode(errors="replace")))
    if not seen:
        return None
    seen.sort(reverse=True)
    parts = Path(seen[0][1]).parts
    return Files(suite, "/".join(parts[-3:]), [round(1000 * one) for one, _ in seen], host)
