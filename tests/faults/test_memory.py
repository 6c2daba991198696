"""A machine that has little memory, as a cgroup with a limit is one."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faultruns import HEALTHY, healthy_ids, run, write_suite

pytestmark = pytest.mark.unsanitized("a sanitizer takes more memory")

_ROOT = Path("/sys/fs/cgroup")
POISON = "test_m_poison.py"


def _parent() -> tuple[Path, str]:
    """Our own cgroup of the memory controller, and the name of the file with its limit."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return _ROOT / "memory" / path.lstrip("/"), "memory.limit_in_bytes"
    return _ROOT / path.lstrip("/"), "memory.max"


@contextlib.contextmanager
def memory_limit(mebibytes: int) -> Iterator[Callable[[], None]]:
    """A cgroup with a limit; what comes out of it puts the process that calls it into it."""
    parent, name = _parent()
    group = parent / f"fcm-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"cgroups can't be made here: {error}")
    try:
        try:
            (group / name).write_text(str(mebibytes << 20))
            for swap, value in (
                ("memory.memsw.limit_in_bytes", mebibytes << 20),
                ("memory.swap.max", 0),
            ):
                if (group / swap).exists():
                    (group / swap).write_text(str(value))
        except OSError as error:
            pytest.skip(f"memory can't be limited here: {error}")

        def enter() -> None:
            (group / "cgroup.procs").write_text(str(os.getpid()))

        yield enter
    finally:
        end = time.monotonic() + 10
        while True:  # until those in it are gone
            try:
                group.rmdir()
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.05)


def test_fewer_workers_when_memory_is_short(tmp_path: Path) -> None:
    source = "import time\ntime.sleep(0.1)\n" + HEALTHY
    write_suite(tmp_path, {f"test_m{i:02}.py": source for i in range(16)}, healthy=0)
    native = run(tmp_path, farm=False)
    with memory_limit(240) as enter:
        result = run(tmp_path, "--workers=12", prepare=enter)
    assert (result.status, result.ids, result.errors) == (0, native.ids, []), result
    assert "memory is short" in result.err
    assert result.files.get("farm") == 16


@pytest.mark.parametrize("how", ["slowly", "at once"])
def test_kill_for_lack_of_memory_is_named(tmp_path: Path, how: str) -> None:
    # Slowly: the coordinator sees it coming. At once: the kernel ends the worker.
    pause = "time.sleep(0.02)" if how == "slowly" else "pass"
    source = (
        "import time\nprint('last words', flush=True)\nkept = []\n"
        f"while True:\n    kept.append(b'x' * (4 << 20))\n    {pause}\n"
    )
    write_suite(tmp_path, {POISON: source})
    with memory_limit(240) as enter:
        result = run(tmp_path, prepare=enter)
    assert result.status == pytest.ExitCode.INTERRUPTED, result
    assert result.ids == healthy_ids(tmp_path)
    assert [nodeid for nodeid, _ in result.errors] == [POISON]
    text = result.error_of(POISON)
    assert "out of memory" in text or "of memory until there was no more" in text
    assert "last words" in text
