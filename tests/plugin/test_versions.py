"""Another version of pytest than those that we know: the plugin stands aside, with one line, and nothing else changes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import _pytest
import pytest

SUITE = "def test_passes(): pass\ndef test_fails(): assert 0\n"


@pytest.fixture(params=["7.4.4", "10.0.0", "11.2.0.dev3"])
def copied(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with a copy of the installed pytest that says it is another version."""
    source = Path(_pytest.__file__).parent
    target = tmp_path / "pytest-of-another-version"
    ignored = shutil.ignore_patterns("__pycache__")
    for package in (source, source.parent / "pytest"):
        shutil.copytree(package, target / package.name, ignore=ignored)
    version = target / "_pytest" / "_version.py"
    text, number = re.subn(
        r"(?m)^(__version__ = version = |version = )['\"].*['\"]",
        rf"\g<1>'{request.param}'",
        version.read_text(),
    )
    assert number == 1
    version.write_text(text)
    return target


def run(folder: Path, path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    env.update(PYTHONPATH=str(path), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTHONHASHSEED="0")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args],
        cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=150,
    )  # fmt: skip


def test_stands_aside(copied: Path, tmp_path: Path) -> None:
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "test_a.py").write_text(SUITE)
    (folder / "test_b.py").write_text(SUITE)
    native = run(folder, copied)
    plugin = run(folder, copied, "-p", "fastcollect_meta", "--workers=2")
    assert native.returncode == plugin.returncode == 1
    version = re.search(r"pytest-(\S+),", plugin.stdout)
    assert version is not None
    line = f"fastcollect-meta: stood aside: pytest {version[1]} is not among the versions it knows"
    assert line in plugin.stdout.splitlines()
    rest = [text for text in plugin.stdout.splitlines() if text != line]
    assert len(rest) == len(native.stdout.splitlines())
    assert "2 failed, 2 passed" in plugin.stdout
    assert "INTERNALERROR" not in plugin.stdout
