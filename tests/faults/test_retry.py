"""A file that costs its worker is tried once more, alone, and takes nothing with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from faultruns import HEALTHY, healthy_ids, run, write_suite

#: Notes in a file that it is imported, by appending a byte.
COUNTING = (
    "import os\n"
    "with open(__file__ + '.tries', 'a') as file:\n    file.write('x')\n"
    "tries = os.stat(__file__ + '.tries').st_size\n"
)


def tries(folder: Path, name: str) -> int:
    """How often a file was imported."""
    path = folder / f"{name}.tries"
    return path.stat().st_size if path.exists() else 0


def test_once_is_forgiven(tmp_path: Path) -> None:
    source = COUNTING + "if tries == 1:\n    os.kill(os.getpid(), 11)\n"
    write_suite(tmp_path, {"test_m.py": source + HEALTHY})
    result = run(tmp_path)
    assert result.status == 0, result
    assert result.errors == []
    assert tries(tmp_path, "test_m.py") == 2
    assert "retrying it alone" in result.err


def test_never_more_than_twice(tmp_path: Path) -> None:
    write_suite(tmp_path, {"test_m.py": COUNTING + "os._exit(4)"})
    result = run(tmp_path)
    assert result.status == pytest.ExitCode.INTERRUPTED
    assert "exit status 4" in result.error_of("test_m.py")
    assert tries(tmp_path, "test_m.py") == 2


def test_late_ones_are_not_retried_for_ever(tmp_path: Path) -> None:
    write_suite(tmp_path, {"test_m.py": COUNTING + "while True: pass"})
    result = run(tmp_path, "-o", "fastcollect_meta_time_limit=0.5")
    assert "took longer" in result.error_of("test_m.py")
    assert tries(tmp_path, "test_m.py") <= 2


@pytest.mark.parametrize("every", [2, 3, 7])
def test_poison_takes_no_healthy_one_with_it(tmp_path: Path, every: int) -> None:
    files = {}
    for i in range(28):
        poison = i % every == 0
        files[f"test_m{i:02}.py"] = COUNTING + (
            f"os.kill(os.getpid(), {[9, 11, 6, 15][i % 4]})" if poison else HEALTHY
        )
    write_suite(tmp_path, files)
    result = run(tmp_path)
    poisons = [name for i, name in enumerate(files) if i % every == 0]
    assert [nodeid for nodeid, _ in result.errors] == poisons
    assert result.ids is not None
    expected = {*healthy_ids(tmp_path)} | {
        node.replace("test_a0.py", name)
        for name in files
        if name not in poisons
        for node in healthy_ids(tmp_path)[:4]
    }
    assert set(result.ids) == expected and len(result.ids) == len(expected)
    assert all(tries(tmp_path, name) == 2 for name in poisons)
    # Those ahead in the hand of a worker that died are collected by another one; so is one that pytest waits for while it
    # stands behind a file that takes long.
    assert all(tries(tmp_path, name) in (1, 2) for name in files if name not in poisons)


def test_all_are_poison(tmp_path: Path) -> None:
    files = {f"test_m{i}.py": "import os\nos._exit(1)" for i in range(8)}
    write_suite(tmp_path, files, healthy=0)
    result = run(tmp_path)
    assert result.status == pytest.ExitCode.INTERRUPTED
    assert [nodeid for nodeid, _ in result.errors] == list(files)
