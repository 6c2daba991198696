"""Time, memory, files that are collected alone, and zygotes that hold locks or threads."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from faultruns import HEALTHY, Pytest, healthy_ids, is_alive, run, write_suite

_TEST = "\ndef test_of_this():\n    pass\n"


def test_no_limit_by_default(tmp_path: Path) -> None:
    write_suite(tmp_path, {"test_m.py": "import time\ntime.sleep(3)" + _TEST})
    result = run(tmp_path)
    assert (result.status, result.errors) == (0, []), result


@pytest.mark.parametrize("value", ["soon", "-1", "nan"])
def test_limit_that_is_none(tmp_path: Path, value: str) -> None:
    write_suite(tmp_path, {})
    result = run(tmp_path, "-o", f"fastcollect_meta_time_limit={value}")
    assert result.status == pytest.ExitCode.USAGE_ERROR
    assert "expected seconds" in result.err


@pytest.mark.full
def test_limit_by_history(tmp_path: Path) -> None:
    # Two minutes for a file that took nothing the last time. The other one makes it worth to start the farm again.
    for source, errors in ((_TEST, []), ("while True: pass", ["test_m.py"])):
        slow = f"import time\ntime.sleep(1.5)\n# {len(source)}{_TEST}"
        write_suite(tmp_path, {"test_m.py": source, "test_n.py": slow})
        session = Pytest(tmp_path)
        at = session.args.index("no:cacheprovider")
        del session.args[at - 1 : at + 1]
        with session:
            result = session.finish(250)
        assert [nodeid for nodeid, _ in result.errors] == errors, result
    text = result.error_of("test_m.py")
    assert "took longer than 120 s; the ini option fastcollect_meta_time_limit" in text
    assert 'test_m.py", line 1' in text


def test_what_a_late_file_started_ends_with_it(tmp_path: Path) -> None:
    source = (
        "import os, subprocess, pathlib\n"
        "process = subprocess.Popen(['sleep', '100'])\n"
        "pathlib.Path(__file__ + '.pid').write_text(str(process.pid))\n"
        "process.wait()"
    )
    write_suite(tmp_path, {"test_m.py": source})
    with Pytest(tmp_path, "-o", "fastcollect_meta_time_limit=1") as session:
        session.wait_for((tmp_path / "test_m.py.pid").exists)
        result = session.finish()
    time.sleep(0.2)
    assert not is_alive(int((tmp_path / "test_m.py.pid").read_text()))
    assert "took longer than 1 s" in result.error_of("test_m.py")


# Memory


def _pids(folder: Path) -> dict[str, int]:
    return {path.stem: int(path.read_text()) for path in folder.glob("*.pid")}


_NOTE = "import os, pathlib\npathlib.Path(__file__ + '.pid').write_text(str(os.getpid()))\n"


def test_grown_worker_is_replaced(tmp_path: Path) -> None:
    files = {f"test_m{i}.py": _NOTE + HEALTHY for i in range(6)}
    files["test_m0.py"] += "keep = bytearray(150 << 20)\n"
    write_suite(tmp_path, files, healthy=0)
    result = run(tmp_path, "--workers=1", "-o", "fastcollect_meta_worker_memory=100")
    assert (result.status, len(result.ids or ())) == (0, 24), result
    pids = _pids(tmp_path)
    # The file ahead of it still goes to the one that has grown.
    assert pids["test_m5.py"] != pids["test_m0.py"]
    assert len(set(pids.values())) == 2


# Alone


def test_collected_alone(tmp_path: Path) -> None:
    files = {f"test_m{i}.py": _NOTE + HEALTHY for i in range(6)}
    write_suite(tmp_path, files, healthy=0)
    result = run(tmp_path, "--workers=1", "-o", "fastcollect_meta_alone=test_m2.py *_m4.py")
    assert (result.status, len(result.ids or ())) == (0, 24), result
    pids = _pids(tmp_path)
    others = [pids[f"test_m{i}.py"] for i in (0, 1, 3, 5)]
    assert pids["test_m2.py"] != pids["test_m4.py"]
    assert pids["test_m2.py"] not in others and pids["test_m4.py"] not in others


def test_collected_natively(tmp_path: Path) -> None:
    write_suite(tmp_path, {"test_m.py": _NOTE + HEALTHY})
    with Pytest(tmp_path, "-o", "fastcollect_meta_native=test_m.py") as session:
        result = session.finish()
        assert _pids(tmp_path) == {"test_m.py": session.pid}
    assert result.status == 0


# Threads before the fork


def test_thread_in_a_conftest(tmp_path: Path) -> None:
    # As gRPC and others do: a background thread, and a lock that it holds half of the time.
    conftest = (
        "import threading, time, logging\n"
        "lock = threading.Lock()\n"
        "def work():\n"
        "    while True:\n"
        "        with lock:\n            time.sleep(0.02)\n"
        "            logging.getLogger('background').warning('tick')\n"
        "threading.Thread(target=work, daemon=True).start()\n"
    )
    module = (
        "import conftest, logging\nlogging.getLogger('here').info('x')\nwith conftest.lock: pass\n"
    )
    write_suite(tmp_path, {"conftest.py": conftest, "test_m.py": module + HEALTHY})
    native = run(tmp_path, farm=False)
    result = run(tmp_path)
    assert (result.status, result.ids, result.errors) == (0, native.ids, []), result
    assert result.files.get("farm") == 5


def test_hidden_thread_that_holds_a_lock(tmp_path: Path) -> None:
    # A thread that `threading` doesn't know holds a lock at every fork: who forks hangs.
    conftest = (
        "import _thread, time\n"
        "lock = _thread.allocate_lock()\n"
        "def work():\n"
        "    lock.acquire()\n    time.sleep(1.2)\n    lock.release()\n"
        "    time.sleep(100)\n"
        "_thread.start_new_thread(work, ())\n"
        "time.sleep(0.1)\n"
    )
    write_suite(
        tmp_path,
        {"conftest.py": conftest, "test_m.py": "import conftest\nwith conftest.lock: pass" + _TEST},
    )
    result = run(tmp_path, "-o", "fastcollect_meta_time_limit=2")
    assert (result.status, result.errors) == (0, []), result
    assert "test_m.py::test_of_this" in (result.ids or ())
    assert "retrying it alone" in result.err


def test_logging_handler_with_a_lock(tmp_path: Path) -> None:
    conftest = (
        "import logging, threading\n"
        "handler = logging.StreamHandler()\nlogging.getLogger().addHandler(handler)\n"
        "handler.acquire()\n"
        "def pytest_collection_finish(session): handler.release()\n"
    )
    module = "import logging\nlogging.getLogger().warning('while importing')"
    write_suite(tmp_path, {"conftest.py": conftest, "test_m.py": module + _TEST})
    native = run(tmp_path, farm=False)
    result = run(tmp_path)
    assert (result.status, result.ids, result.errors) == (native.status, native.ids, []), result


def test_openblas(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    module = "import numpy\nx = numpy.ones((300, 300))\nx = (x @ x)[0, 0]" + _TEST
    write_suite(
        tmp_path,
        {
            "conftest.py": "import numpy\nnumpy.ones((300, 300)) @ numpy.ones((300, 300))",
            "test_m.py": module,
        },
    )
    result = run(tmp_path)
    assert (result.status, result.errors) == (0, []), result


def test_multiprocessing_helpers(tmp_path: Path) -> None:
    module = (
        "import multiprocessing\n"
        "from multiprocessing import shared_memory\n"
        "context = multiprocessing.get_context('fork')\n"
        "with context.Pool(2) as pool:\n    assert pool.map(abs, [-1, -2]) == [1, 2]\n"
        "pool.join()\n"
        "memory = shared_memory.SharedMemory(create=True, size=100)\n"
        "memory.close()\nmemory.unlink()\n"
    )
    write_suite(tmp_path, {"test_m.py": module + _TEST})
    result = run(tmp_path)
    assert (result.status, result.errors) == (0, []), result


def test_pool_in_a_conftest(tmp_path: Path) -> None:
    conftest = (
        "import multiprocessing\n"
        "pool = multiprocessing.get_context('fork').Pool(1)\n"
        "def pytest_unconfigure():\n    pool.terminate()\n    pool.join()\n"
    )
    module = "import conftest\nassert conftest.pool.map(abs, [-1]) == [1]"
    write_suite(tmp_path, {"conftest.py": conftest, "test_m.py": module + _TEST})
    result = run(tmp_path)
    assert (result.status, result.errors) == (0, []), result
    assert result.ids is not None and set(result.ids) >= set(healthy_ids(tmp_path))


# What one file changes for others


def test_changes_stay_with_their_worker(tmp_path: Path) -> None:
    # In the order of the walk, natively, nobody before test_m sees what it does.
    module = (
        "import os, sys\nos.environ['CHANGED'] = '1'\nsys.modules['polluted'] = sys\n"
        "sys.path.append('/nowhere')\nos.umask(0o27)\n"
    )
    probe = (
        "import os, sys, pytest\n"
        "@pytest.mark.parametrize('x', [os.environ.get('CHANGED', 'no'), 'polluted' in sys.modules])\n"
        "def test(x): pass\n"
    )
    files = {f"test_b{i}.py": probe for i in range(6)} | {"test_m.py": module + _TEST}
    write_suite(tmp_path, files, healthy=0)
    native = run(tmp_path, farm=False)
    result = run(tmp_path)
    assert result.ids == native.ids
