"""What a figure depends on: machine, system, versions, and when it was measured."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and with what a result was measured. `commit` is the checkout's, with a + where it was changed."""

    cpu: str = ""
    cores: int = 0
    memory_mib: int = 0
    system: str = ""
    python: str = ""
    date: str = ""
    commit: str = ""
    packages: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        """The machine without what differs from result to result."""
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory_mib} MiB, {self.system}, "
            f"Python {self.python}"
        )


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _git(*arguments: str) -> str:
    """What git says of the checkout; "" where there is none."""
    try:
        done = subprocess.run(
            ["git", "-C", str(_ROOT), *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip()


def _commit() -> str:
    """The checkout's commit, with a + where something but the results differs from it; "" outside of one."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results")
    return commit + ("+" if changed else "")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def here(*packages: str) -> Machine:
    """This machine now, with the versions of pytest, of the product and of `packages`."""
    names = ("pytest", "pytest-fastcollect-meta", *packages)
    versions = {name: _version(name) for name in names if name}
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_mib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        date=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M"),
        commit=_commit(),
        packages={name: version for name, version in versions.items() if version},
    )
