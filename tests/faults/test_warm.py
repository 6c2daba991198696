"""Deadly files where there is a manifest, and all others are served from it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from faultruns import HEALTHY, Pytest, Result, healthy_ids, write_suite

POISON = "test_m_poison.py"
SEGFAULT = (
    "import os, signal\nprint('last words', flush=True)\nos.kill(os.getpid(), signal.SIGSEGV)\n"
)
EXIT = "import os\nprint('last words', flush=True)\nos._exit(0)\n"


def _run(folder: Path, *args: str, **options: bool) -> Result:
    session = Pytest(folder, *args, **options)  # type: ignore[arg-type]
    at = session.args.index("no:cacheprovider")
    del session.args[at - 1 : at + 1]
    with session:
        return session.finish()


def _assert_one_error(folder: Path, result: Result) -> None:
    assert result.ids == healthy_ids(folder), result
    assert [nodeid for nodeid, _ in result.errors] == [POISON]
    assert "last words" in result.error_of(POISON)


@pytest.mark.parametrize("source", [SEGFAULT, EXIT], ids=["segfault", "exit-0"])
def test_deadly_file_is_never_imported_by_main(tmp_path: Path, source: str) -> None:
    write_suite(tmp_path, {POISON: source})
    for expected in ({"farm": 4, "failed": 1}, {"manifest": 4, "failed": 1}):
        result = _run(tmp_path)
        _assert_one_error(tmp_path, result)
        assert result.files == expected
    # Changed, and as deadly as before.
    (tmp_path / POISON).write_text(source + "# changed\n")
    _assert_one_error(tmp_path, _run(tmp_path))
    # Without it there is nothing to start a farm for.
    assert _run(tmp_path, "test_a0.py").files == {"manifest": 1}
    (tmp_path / POISON).write_text(HEALTHY)
    assert _run(tmp_path).files == {"farm": 1, "manifest": 4}
    assert _run(tmp_path).files == {"manifest": 5}


def test_file_that_has_become_deadly(tmp_path: Path) -> None:
    write_suite(tmp_path, {POISON: HEALTHY})
    assert _run(tmp_path).status == 0
    (tmp_path / POISON).write_text(SEGFAULT)
    # One file that takes no time isn't worth a farm, so that this is what pytest itself does,
    assert _run(tmp_path).status == -signal.SIGSEGV
    # but once.
    for _ in range(2):
        _assert_one_error(tmp_path, _run(tmp_path))
    assert not list(tmp_path.rglob("importing-*"))


def test_nothing_is_noted_of_others(tmp_path: Path) -> None:
    # Ctrl-C while main imports a file, and a run that ends by itself.
    write_suite(tmp_path, {POISON: HEALTHY})
    assert _run(tmp_path).status == 0
    for source in ("raise KeyboardInterrupt\n", "raise SystemExit(3)\n", HEALTHY + "# changed\n"):
        (tmp_path / POISON).write_text(source)
        _run(tmp_path)
        assert not list(tmp_path.rglob("importing-*"))
    assert _run(tmp_path).files == {"manifest": 5}


@pytest.mark.full
def test_file_that_has_become_deadly_for_workers_of_xdist(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    write_suite(tmp_path, {POISON: HEALTHY})
    assert _run(tmp_path, "-p", "xdist", "-n2", collect_only=False).status == 0
    (tmp_path / POISON).write_text(SEGFAULT)
    # As without the plugin, but once.
    assert "node down" in _run(tmp_path, "-p", "xdist", "-n2", collect_only=False).out
    for _ in range(2):
        result = _run(tmp_path, "-p", "xdist", "-n2", collect_only=False)
        assert "16 passed, 1 error" in result.out, result
    assert not list(tmp_path.rglob("importing-*"))


def test_deadly_file_and_workers_of_xdist(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    write_suite(tmp_path, {POISON: EXIT})
    for _ in range(2):
        result = _run(tmp_path, "-p", "xdist", "-n2", "-q", collect_only=False)
        assert "16 passed, 1 error" in result.out, result
        assert "node down" not in result.out
