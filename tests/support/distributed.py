"""Runs of pytest that pytest-xdist distributes, and what their processes have written down (`probes/xdist_probe.py`)."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

#: The folder of the probe.
PROBES = str(Path(__file__).resolve().parent / "probes")
_DROPPED = re.compile(r"FASTCOLLECT_META_|PYTEST_|CI$|BUILD_NUMBER$|PYTHONHASHSEED$|COV_")
#: A run that takes longer than this (seconds) hangs.
TIME_LIMIT = 120.0
PLUGIN = ("-p", "fastcollect_meta", "--workers=2")


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """How a distributed run ended."""

    status: int
    out: str
    #: What each process wrote, by "NAME-collected" and "NAME-ended".
    seen: dict[str, dict[str, Any]]

    @property
    def workers(self) -> list[str]:
        """Names of workers that have collected."""
        return sorted(
            name.partition("-")[0]
            for name in self.seen
            if name.endswith("-collected") and not name.startswith("controller")
        )

    @property
    def ids(self) -> list[str]:
        """What every worker has collected; they must agree."""
        lists = [self.seen[f"{name}-collected"]["ids"] for name in self.workers]
        assert lists, self.out
        for other in lists[1:]:
            assert other == lists[0], self.out
        return list(lists[0])

    def imported_when_collected(self) -> set[str]:
        """Test modules that some worker had imported when its collection was over."""
        return {
            file for name in self.workers for file in self.seen[f"{name}-collected"]["imported"]
        }

    def imported(self) -> list[set[str]]:
        """Test modules that each worker had imported in the end."""
        return [
            set(seen["imported"])
            for name, seen in self.seen.items()
            if name.endswith("-ended") and not name.startswith("controller")
        ]

    @property
    def outcomes(self) -> Counter[tuple[str, str, str]]:
        """(node id, phase, outcome) of what the controller was told."""
        return Counter(tuple(entry) for entry in self.seen["controller-ended"]["outcomes"])

    @property
    def errors(self) -> set[tuple[str, str]]:
        """(node id, outcome) of collectors that did not pass."""
        return {(id, outcome) for id, outcome, _ in self.seen["controller-ended"]["errors"]}

    @property
    def warnings(self) -> Counter[str]:
        """Warnings that the controller was told of, each as often as it was."""
        return Counter(self.seen["controller-ended"]["warnings"])

    def counts(self, of: str) -> dict[str, int]:
        """Files as the summary counts them: `of` is "prepared", or "workers"."""
        pattern = {
            "prepared": r"fastcollect-meta: \d+ files \(([^)]*)\) prepared",
            "workers": r"fastcollect-meta: .*; \d+ workers?: (.*), \d+ imported",
        }[of]
        found = re.search(pattern, self.out)
        assert found, self.out
        parts = (part.split(" ", 1) for part in found[1].split(", ") if part != "none")
        return {name: int(number) for number, name in parts}


def run(
    folder: Path, *args: str, env: dict[str, str] | None = None, program: str = sys.executable
) -> Run:
    """Run pytest with the probe in `folder`, as a process of its own; no plugin is loaded by itself."""
    seen = Path(tempfile.mkdtemp(prefix="xdist-probe-"))
    environ = {name: value for name, value in os.environ.items() if not _DROPPED.match(name)}
    environ.update(
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        XDIST_PROBE=str(seen),
        PYTHONPATH=os.pathsep.join(filter(None, [PROBES, os.environ.get("PYTHONPATH", "")])),
        **(env or {}),
    )
    try:
        done = subprocess.run(
            [program, "-m", "pytest", "-p", "xdist_probe", *args],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
        content = {path.stem: json.loads(path.read_text()) for path in seen.iterdir()}
    finally:
        shutil.rmtree(seen, ignore_errors=True)
    return Run(done.returncode, done.stdout, content)


def run_both(folder: Path, *args: str, env: dict[str, str] | None = None) -> tuple[Run, Run]:
    """The same run natively and with the plugin, without and with what the first of these has left in the cache."""
    native = run(folder, "-p", "xdist", *args, env=env)
    plugin = run(folder, "-p", "xdist", *PLUGIN, *args, env=env)
    return native, plugin
