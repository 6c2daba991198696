"""What a test module does while it is imported, and what it costs: at most its own file."""

from __future__ import annotations

from pathlib import Path

import pytest
from faultruns import Pytest, healthy_ids, run, write_suite

LAST_WORDS = 'import os, sys\nprint("last words", flush=True)\nos.write(2, b"and more\\n")\n'
POISON = "test_m_poison.py"

#: What ends native pytest: name, module, what the error has to say, whether there is a Python stack.
DEADLY = {
    "segfault": ("import ctypes\nctypes.string_at(1)", "SIGSEGV", True),
    "abort": ("os.abort()", "SIGABRT", True),
    "stack-overflow": (
        "sys.setrecursionlimit(1 << 30)\ndef f(_=None):\n    return list(map(f, [0]))\nf()",
        "SIGSEGV",
        True,
    ),
    "os-exit-0": ("os._exit(0)", "exit status 0", False),
    "os-exit-3": ("os._exit(3)", "exit status 3", False),
    "sigkill-itself": ("os.kill(os.getpid(), 9)", "SIGKILL", False),
    "sigterm-itself": ("os.kill(os.getpid(), 15)", "SIGTERM", True),
    "illegal-instruction": ("os.kill(os.getpid(), 4)", "SIGILL", True),
    "daemonizes-itself": ("if os.fork():\n    os._exit(0)\nos._exit(0)", "exit status 0", False),
    "grandchild-keeps-the-pipe": (
        "import time\n"
        "if os.fork() == 0:\n    os.setsid()\n    time.sleep(40)\n    os._exit(0)\n"
        "os._exit(5)",
        "exit status 5",
        False,
    ),
}


@pytest.mark.parametrize("name", DEADLY)
def test_deadly(tmp_path: Path, name: str) -> None:
    source, how, has_stack = DEADLY[name]
    write_suite(tmp_path, {POISON: LAST_WORDS + source})
    result = run(tmp_path)
    assert result.status == pytest.ExitCode.INTERRUPTED, result
    assert result.ids == healthy_ids(tmp_path)
    assert [nodeid for nodeid, _ in result.errors] == [POISON]
    text = result.error_of(POISON)
    assert how in text
    assert "last words" in text and "and more" in text
    if has_stack:
        assert f'{POISON}", line' in text


@pytest.mark.parametrize(
    "args",
    [("--workers=1",), ("-s",), ("--capture=sys",), ("--import-mode=importlib",)],
    ids=" ".join,
)
@pytest.mark.parametrize("name", ["segfault", "os-exit-0", "grandchild-keeps-the-pipe"])
def test_deadly_in_other_ways(tmp_path: Path, name: str, args: tuple[str, ...]) -> None:
    source, how, _ = DEADLY[name]
    write_suite(tmp_path, {POISON: LAST_WORDS + source})
    result = run(tmp_path, *args)
    assert result.status == pytest.ExitCode.INTERRUPTED, result
    assert result.ids == healthy_ids(tmp_path)
    text = result.error_of(POISON)
    assert how in text and "and more" in text
    # What is captured in the process's own memory goes with it.
    assert "last words" in text or args == ("--capture=sys",)


def test_deadly_and_stop_at_the_first_error(tmp_path: Path) -> None:
    write_suite(tmp_path, {POISON: LAST_WORDS + "os._exit(3)"})
    result = run(tmp_path, "-x")
    assert result.ids == [nodeid for nodeid in healthy_ids(tmp_path) if nodeid < POISON]
    assert "exit status 3" in result.error_of(POISON)
    assert "stopping after 1 failures" in result.out


def test_deadly_in_a_run(tmp_path: Path) -> None:
    # All other tests run, and pass.
    write_suite(tmp_path, {POISON: LAST_WORDS + "os.kill(os.getpid(), 9)"})
    result = run(tmp_path, "--continue-on-collection-errors", "-q", collect_only=False)
    assert "16 passed, 1 error" in result.out, result
    assert "SIGKILL" in result.error_of(POISON)


#: What ends native pytest only after a while, or never: the same with a time limit.
ENDLESS = {
    "loop-in-python": "while True: pass",
    "loop-in-c": "import hashlib\nhashlib.pbkdf2_hmac('sha256', b'a', b'b', 1 << 31 - 1)",
    "loop-in-c-with-gil": "sum(iter(int, 1))",
    "deadlocked-lock": "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "sigterm-ignored": "import signal\nsignal.signal(15, signal.SIG_IGN)\nwhile True: pass",
    "sigterm-handled": (
        "import signal\nsignal.signal(15, lambda *args: None)\nwhile True: signal.pause()"
    ),
    "waits-for-a-child": "import subprocess\nsubprocess.run(['sleep', '100'])",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_endless(tmp_path: Path, name: str) -> None:
    write_suite(tmp_path, {POISON: LAST_WORDS + ENDLESS[name]})
    result = run(tmp_path, "-o", "fastcollect_meta_time_limit=1")
    assert result.status == pytest.ExitCode.INTERRUPTED, result
    assert result.ids == healthy_ids(tmp_path)
    text = result.error_of(POISON)
    assert "took longer than 1 s" in text
    assert "last words" in text and "and more" in text
    assert f'{POISON}", line' in text


_TEST = "\ndef test_of_this():\n    pass\n"

#: What native pytest survives. Its result counts, whatever it is.
SURVIVED = {
    "sys-exit": "import sys\nsys.exit(3)",
    "keyboard-interrupt": "raise KeyboardInterrupt",
    "recursion": "def f(): f()\nf()",
    "memory-error": "x = bytearray(1 << 60)",
    "forks-and-waits": (
        "import os\npid = os.fork()\nif pid == 0:\n    os._exit(0)\nos.waitpid(pid, 0)"
    ),
    "child-lives-on": (
        "import os, time\nif os.fork() == 0:\n    time.sleep(1.5)\n    os._exit(0)\n"
    ),
    "daemonized-grandchild": (
        "import os, time\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(1.5)\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)"
    ),
    "threads": (
        "import threading, time\n"
        "def work():\n    while True:\n        time.sleep(0.01)\n"
        "for _ in range(8):\n    threading.Thread(target=work, daemon=True).start()"
    ),
    "closes-some": (
        "import os\nfor fd in range(3, 1200):\n    try:\n        os.close(fd)\n"
        "    except OSError:\n        pass"
    ),
    "closes-range": "import os\nos.closerange(3, 70000)",
    "dup2-over-ours": (
        "import os\n"
        "null = os.open(os.devnull, os.O_RDWR)\n"
        "for fd in sorted(map(int, os.listdir('/proc/self/fd'))):\n"
        "    if fd > 2 and fd != null:\n"
        "        try:\n            os.fstat(fd)\n            os.dup2(null, fd)\n"
        "        except OSError:\n            pass"
    ),
    "dup2-over-pipes": (
        "import os, stat\n"
        "reader, writer = os.pipe()\n"
        "for fd in range(3, 1200):\n"
        "    try:\n"
        "        if stat.S_ISSOCK(os.fstat(fd).st_mode): os.dup2(reader, fd)\n"
        "    except OSError:\n            pass"
    ),
    "prints-100-mb": (
        "import sys\nfor _ in range(100):\n"
        "    sys.stdout.write('o' * (1 << 20))\n    sys.stderr.write('e' * (1 << 20))"
    ),
    "prints-100-mb-from-c": (
        "import ctypes\nlibc = ctypes.CDLL(None)\nline = b'x' * (1 << 20)\n"
        "for _ in range(100):\n    libc.puts(line)\n    libc.write(2, line, len(line))"
    ),
    "chdir": "import os, tempfile\nos.chdir('/')",
    "removed-directory": ("import os, tempfile\nd = tempfile.mkdtemp()\nos.chdir(d)\nos.rmdir(d)"),
    "umask": "import os\nos.umask(0o777)",
    "signal-handlers": (
        "import signal\n"
        "for number in signal.valid_signals():\n"
        "    try:\n        signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass"
    ),
    "blocked-signals": "import signal\nsignal.pthread_sigmask(0, signal.valid_signals())",
    "faulthandler-off": "import faulthandler\nfaulthandler.disable()\nfaulthandler.unregister(15)",
    "stdout-replaced": "import sys, io\nsys.stdout = sys.stderr = io.StringIO()",
    "stdout-none": "import sys\nsys.stdout = sys.__stdout__ = sys.stderr = sys.__stderr__ = None",
    "stdout-closed": "import os\nos.close(1)\nos.close(2)",
    "stdin-read": "import sys\nsys.stdin.read()",
    "stdin-read-raw": "import os\nos.read(0, 10)",
    "input": "input()",
    "environ-cleared": "import os\nos.environ.clear()",
    "environ-changed": "import os\nos.environ['PATH'] = 'nowhere'\nos.environ['HOME'] = ''",
    "sys-path-cleared": "import sys\nsys.path.clear()",
    "sys-path-replaced": "import sys\nsys.path = ['/nowhere']",
    "sys-modules": "import sys\nsys.modules['json'] = None\nsys.modules.pop('os')",
    "removes-itself": "import os\nos.unlink(__file__)",
    "changes-itself": (
        "text = open(__file__).read()\nopen(__file__, 'w').write(text + '\\n# changed\\n')"
    ),
    "exit-hooks": "import atexit, os\natexit.register(os._exit, 7)",
    "setsid": "import os\nos.setsid() if os.getpid() != os.getsid(0) else None",
    "exception-group": "raise BaseException('odd')",
    "gc": "import gc\ngc.disable()\ngc.set_threshold(1)\ngc.collect()",
    "patched-open": "import builtins\nbuiltins.open = None",
    "patched-os": "import os\nos.fstat = os.getcwd = os.lseek = os.ftruncate = None",
    "profile": "import sys\nsys.setprofile(lambda *a: None)\nsys.settrace(lambda *a: None)",
    "rlimit-files": ("import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))"),
}
#: What those harm natively that come after them: here it may be less.
LESS = {"environ-cleared", "sys-path-cleared", "exit-hooks", "patched-open"}


def _native_and_farm(tmp_path: Path, source: str, *args: str, less: bool = False) -> None:
    results = []
    for farm in (False, True):
        folder = tmp_path / ("farm" if farm else "native") / "suite"
        folder.mkdir(parents=True)
        write_suite(folder, {POISON: source + _TEST})
        results.append(run(folder, *args, farm=farm))
    native, farm_result = results
    if less:
        assert farm_result.ids is not None
        assert set(farm_result.ids) >= {*(native.ids or ()), *healthy_ids(folder)}
        assert {n for n, _ in farm_result.errors} <= {n for n, _ in native.errors}
        return
    assert farm_result.status == native.status, farm_result
    assert farm_result.ids == native.ids, farm_result
    assert [nodeid for nodeid, _ in farm_result.errors] == [n for n, _ in native.errors]


@pytest.mark.parametrize("name", SURVIVED)
def test_survived(tmp_path: Path, name: str) -> None:
    _native_and_farm(tmp_path, SURVIVED[name], less=name in LESS)


@pytest.mark.parametrize(
    "name", ["closes-range", "prints-100-mb", "stdin-read", "dup2-over-ours", "stdout-replaced"]
)
def test_survived_without_capture(tmp_path: Path, name: str) -> None:
    _native_and_farm(tmp_path, SURVIVED[name], "-s")


def test_child_that_goes_on_as_the_worker(tmp_path: Path) -> None:
    # Natively there would be two pytests from here on.
    write_suite(tmp_path, {POISON: "import os\nos.fork()" + _TEST}, healthy=8)
    result = run(tmp_path)
    assert result.status == 0, result
    assert result.ids is not None
    assert set(result.ids) == {*healthy_ids(tmp_path), f"{POISON}::test_of_this"}
    assert len(result.ids) == 33


def test_thousand_children(tmp_path: Path) -> None:
    source = "import os, signal\nfor _ in range(1000):\n    if os.fork() == 0: signal.pause()"
    write_suite(tmp_path, {POISON: source + _TEST})
    result = run(tmp_path)
    assert result.status == 0, result
    assert result.ids is not None and f"{POISON}::test_of_this" in result.ids


def test_thousand_daemons(tmp_path: Path) -> None:
    source = (
        "import os, signal\n"
        "for _ in range(1000):\n"
        "    if os.fork() == 0:\n        os.setsid()\n        signal.pause()\n"
        "os._exit(1)"
    )
    write_suite(tmp_path, {POISON: source})
    result = run(tmp_path, limit=170)
    assert result.ids == healthy_ids(tmp_path)
    assert "exit status 1" in result.error_of(POISON)


def test_removes_another_file(tmp_path: Path) -> None:
    source = "import os\nos.unlink(os.path.join(os.path.dirname(__file__), 'test_n.py'))"
    write_suite(tmp_path, {POISON: source + _TEST, "test_n.py": _TEST})
    result = run(tmp_path)
    assert result.ids is not None
    # Whether it was collected before it was removed is open.
    assert set(result.ids) >= {*healthy_ids(tmp_path), f"{POISON}::test_of_this"}
    assert all(nodeid == "test_n.py" for nodeid, _ in result.errors)


#: Is imported until somebody removes the file that says so.
WAITS = (
    "import os, time\n"
    "open(__file__ + '.begun', 'w').close()\n"
    "while os.path.exists(__file__ + '.begun'):\n    time.sleep(0.01)\n"
)


@pytest.mark.parametrize("what", ["disappears", "changes", "becomes a folder"])
def test_file_while_it_is_collected(tmp_path: Path, what: str) -> None:
    results = []
    for farm in (False, True):
        folder = tmp_path / ("farm" if farm else "native")
        folder.mkdir()
        write_suite(folder, {POISON: WAITS + _TEST})
        module, begun = folder / POISON, folder / f"{POISON}.begun"
        with Pytest(folder, farm=farm) as session:
            assert session.wait_for(begun.exists)
            module.unlink()
            if what == "changes":
                module.write_text("def test_another():\n    pass\n")
            elif what == "becomes a folder":
                module.mkdir()
            begun.unlink()
            results.append(session.finish())
    native, result = results
    assert (result.status, result.ids) == (native.status, native.ids), result
    assert [nodeid for nodeid, _ in result.errors] == [nodeid for nodeid, _ in native.errors]


@pytest.mark.unsanitized("a sanitizer reserves more memory")
def test_memory_without_end(tmp_path: Path) -> None:
    import resource

    # Natively, too, this ends with a MemoryError.
    source = (
        "x = []\ntry:\n    while True:\n        x.append(bytearray(1 << 22))\n"
        "finally:\n    x.clear()"
    )
    for name in ("native", "farm"):
        folder = tmp_path / name
        folder.mkdir()
        write_suite(folder, {POISON: source})
        result = run(
            folder,
            farm=name == "farm",
            prepare=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
        )
        assert result.status == pytest.ExitCode.INTERRUPTED, result
        assert result.ids == healthy_ids(folder)
        assert "MemoryError" in result.error_of(POISON)
