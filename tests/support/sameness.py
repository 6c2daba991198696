"""Runs pytest in a folder, natively and with the plugin, and says where the two differ.

What is compared is what ../shared/parity/compare.py compares (its probe runs inside of both), and besides
what was printed, with times and the plugin's own summary taken out, and the files that the tests wrote.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

TESTS = Path(__file__).resolve().parent.parent
#: Files that a run writes, the tests of a suite or pytest, which must be the same after both runs.
WRITTEN = ("order.txt", "report.xml")
#: How the plugin is turned on, by name.
MODES: dict[str, tuple[str, ...]] = {
    "native": (),
    "here": ("-p", "fastcollect_meta", "--workers=0"),
    "farm": ("-p", "fastcollect_meta", "--workers=2"),
}
#: A process that takes longer than this hangs.
TIME_LIMIT = 100.0

_DROPPED_ENVIRONMENT = re.compile(
    r"FASTCOLLECT_META_|PYTEST_|PARITY_|CI$|BUILD_NUMBER$|PYTHONDONTWRITEBYTECODE$"
)
_NORMALISED = [
    (re.compile(r"0x[0-9a-fA-F]{6,}"), "0x"),
    (re.compile(r"\b\d+\.\d+s( \(\d+:\d\d:\d\d\))?"), "#s"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|us)\b"), "#ms"),
    (re.compile(r"=+ (.*#s.*) =+"), r"=== \1 ==="),
    (re.compile(r"pytest-\d+/"), "pytest-#/"),
    (re.compile(r"cache from [\d:]+ ago"), "cache from # ago"),
    (re.compile(r"(Task|coro|Thread)-\d+"), r"\1-#"),
    (re.compile(r"<(\w+) at \d+>"), r"<\1>"),
    (re.compile(r"\b(time|timestamp|hostname)=\"[^\"]*\""), r'\1="#"'),
    (re.compile(r"><"), ">\n<"),
]
#: A line of output that is the plugin's own; those after it that are indented belong to it.
OWN_LINE = re.compile(r"^fastcollect[-_]meta: ")


def shared_parity() -> Path | None:
    """The folder of compare.py and its probe, or None: in $FCM_SHARED, or beside the checkout."""
    for base in (os.environ.get("FCM_SHARED"), TESTS.parent.parent / "shared"):
        if base and Path(base, "parity", "compare.py").is_file():
            return Path(base, "parity")
    return None


def load_compare(folder: Path) -> ModuleType:
    """compare.py as a module."""
    if "fcm_shared_compare" in sys.modules:
        return sys.modules["fcm_shared_compare"]
    spec = importlib.util.spec_from_file_location("fcm_shared_compare", folder / "compare.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fcm_shared_compare"] = module
    spec.loader.exec_module(module)
    return module


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of pytest left.

    `data` is the probe's record (only `returncode` where pytest stopped before there was a session),
    `text` the normalised lines of output, `written` the content of each file of WRITTEN by path.
    """

    data: dict[str, Any]
    text: list[str]
    written: dict[str, str]
    output: str


def normalised(output: str) -> list[str]:
    """Lines of output without what changes from run to run and without the plugin's own."""
    lines = []
    own = False
    for line in output.splitlines():
        own = bool(OWN_LINE.match(line)) or (own and line.startswith("  "))
        if own:
            continue
        for pattern, by in _NORMALISED:
            line = pattern.sub(by, line)
        lines.append(line.rstrip())
    return lines


def text_of(path: Path) -> str:
    """What a run wrote, without what changes from run to run."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return "\n".join(normalised(text)) if path.suffix == ".xml" else text


def environment(probe: Path, out: Path, deep: bool, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run: this process's without what would steer pytest or the plugin."""
    env = {k: v for k, v in os.environ.items() if not _DROPPED_ENVIRONMENT.match(k)}
    env.update(PYTHONHASHSEED="0", COLUMNS="100", PARITY_OUT=str(out))
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(probe), env.get("PYTHONPATH")]))
    if deep:
        env["PARITY_DEEP"] = "1"
    env.update(extra)
    return env


def run(
    folder: Path,
    args: Sequence[str],
    *,
    probe: Path,
    deep: bool = False,
    env: Mapping[str, str] | None = None,
) -> Outcome:
    """Runs `pytest ARGS` with the probe in `folder`, as a process of its own.

    Raises subprocess.TimeoutExpired when it takes longer than TIME_LIMIT.
    """
    with tempfile.TemporaryDirectory() as tmp:
        out = Path(tmp, "probe.json")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "parity_probe", *args],
            cwd=folder,
            env=environment(probe, out, deep, env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIME_LIMIT,
        )
        data = json.loads(out.read_text()) if out.exists() else {}
    data["returncode"] = done.returncode
    written = {
        str(path.relative_to(folder)): text_of(path)
        for name in WRITTEN
        for path in folder.rglob(name)
    }
    return Outcome(data, normalised(done.stdout), written, done.stdout)


def text_difference(native: Iterable[str], plugin: Iterable[str]) -> list[str]:
    """The first lines of a unified diff, empty where there is none."""
    return [
        line[:200]
        for line in difflib.unified_diff(
            list(native), list(plugin), "native", "plugin", lineterm="", n=1
        )
    ][:40]


def differences(
    compare: ModuleType, native: Outcome, plugin: Outcome, deep: bool, text: bool = True
) -> list[str]:
    """Every difference between two runs, one a line; empty where they are the same."""
    found: list[str] = list(compare.differences(native.data, plugin.data, deep))
    if native.data.keys() != plugin.data.keys():
        found.append(f"recorded: {sorted(native.data)} | with the plugin: {sorted(plugin.data)}")
    if text and native.text != plugin.text:
        found.append("printed:")
        found += text_difference(native.text, plugin.text)
    for path in sorted(native.written.keys() | plugin.written.keys()):
        left, right = native.written.get(path, ""), plugin.written.get(path, "")
        if left != right:
            found.append(f"{path}:")
            found += text_difference(left.splitlines(), right.splitlines())
    return found


class Workspace:
    """A copy of a suite in which runs follow one another, each from the same state."""

    def __init__(self, suite: Path, folder: Path) -> None:
        self.folder = folder
        self._kept = folder.parent / f"{folder.name}-cache"
        shutil.copytree(
            suite, folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "order.txt")
        )

    def keep(self) -> None:
        """Makes the present state of pytest's cache the one that reset() goes back to."""
        shutil.rmtree(self._kept, ignore_errors=True)
        cache = self.folder / ".pytest_cache"
        if cache.exists():
            shutil.copytree(cache, self._kept)

    def reset(self, compiled: bool = True) -> None:
        """Takes away what a run left: its cache, files that tests wrote and, if `compiled`, .pyc files."""
        shutil.rmtree(self.folder / ".pytest_cache", ignore_errors=True)
        if self._kept.exists():
            shutil.copytree(self._kept, self.folder / ".pytest_cache")
        for name in WRITTEN:
            for path in self.folder.rglob(name):
                path.unlink()
        if compiled:
            for path in list(self.folder.rglob("__pycache__")):
                shutil.rmtree(path, ignore_errors=True)
