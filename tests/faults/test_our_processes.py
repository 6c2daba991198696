"""Signals to our own processes: the native result or a clear end, and never a hang or anything left."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pty
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import pytest
from faultruns import HEALTHY, PROBE, Pytest, Result, descendants_of, is_alive, run, write_suite
from leftovers import tempfile_trials

FILES = 30
SLOW = "import time\ntime.sleep(0.03)\n" + HEALTHY


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite that takes the farm about half a second."""
    folder = tmp_path_factory.mktemp("suite")
    write_suite(folder, {f"test_m{i:02}.py": SLOW for i in range(FILES)}, healthy=0)
    return folder


@pytest.fixture(scope="module")
def native_ids(suite: Path) -> list[str]:
    """Its node ids."""
    ids = run(suite, farm=False).ids
    assert ids is not None and len(ids) == 4 * FILES
    return ids


def _victims(pytest: Pytest, who: str) -> list[int]:
    if who == "coordinator":
        pid = pytest.coordinator()
        return [pid] if pid else []
    if who == "zygote":
        pid = pytest.zygote()
        return [pid] if pid else []
    return pytest.workers()


def _assert_gone(pids: list[int], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while alive := [pid for pid in pids if is_alive(pid)]:
        assert time.monotonic() < end, f"still there: {alive}"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "moment", ["later", pytest.param("as soon as it is there", marks=pytest.mark.full)]
)
@pytest.mark.parametrize("number", ["SIGKILL", "SIGTERM", "SIGHUP", "SIGINT", "SIGSEGV"])
@pytest.mark.parametrize("who", ["coordinator", "zygote", "worker"])
def test_signal_to_a_process_of_the_farm(
    suite: Path, native_ids: list[str], who: str, number: str, moment: str
) -> None:
    chance = random.Random(f"{who} {number} {moment}")
    with Pytest(suite) as session:
        if session.wait_for(lambda: _victims(session, who)):
            if moment == "later":
                time.sleep(chance.uniform(0, 0.4))
            for pid in _victims(session, who)[:1]:
                session.signal(pid, getattr(signal, number))
        result = session.finish()
    assert result.ids == native_ids, result
    assert result.status == 0, result
    assert result.errors == []


@pytest.mark.parametrize("who", ["coordinator", "zygote", "worker"])
def test_kill_while_the_controller_of_xdist_prepares(suite: Path, who: str) -> None:
    pytest.importorskip("xdist")
    with Pytest(suite, "-p", "xdist", "-n2", "-q", collect_only=False) as session:
        session.wait_for(lambda: _victims(session, who))
        for pid in _victims(session, who)[:1]:
            session.signal(pid, signal.SIGKILL)
        result = session.finish()
    assert result.status == 0, result
    assert f"{4 * FILES} passed" in result.out
    # The workers collect by themselves what nobody has prepared, and it is said why.
    assert ("the farm stood aside: " in result.out) == (who != "worker"), result


@pytest.mark.parametrize("number", ["SIGKILL", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("delay", [0.3, 0.8, 1.2])
def test_signal_to_main(suite: Path, number: str, delay: float) -> None:
    temporary = Path(tempfile.gettempdir())
    before = {*tempfile_trials(temporary)}
    with Pytest(suite) as session:
        time.sleep(delay)
        farm = session.descendants()
        session.signal(session.pid, getattr(signal, number))
        result = session.finish()
        assert result.status in (-getattr(signal, number), 0)
        _assert_gone(farm)
    if number == "SIGKILL":
        # of main: the test below shows that it is pytest's, and the one after that no other process of ours makes one
        for trial in {*tempfile_trials(temporary)} - before:
            trial.unlink()


def test_pytest_alone_leaves_a_trial_of_the_temporary_folder(tmp_path: Path) -> None:
    killing = (
        "import os, signal\nos.unlink = lambda *args: os.kill(os.getpid(), signal.SIGKILL)\n"
        "import pytest\npytest.main(['--collect-only', '-p', 'no:cacheprovider'])\n"
    )
    folder = tmp_path / "temporary"
    folder.mkdir()
    env = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run([sys.executable, "-c", killing], cwd=tmp_path, env=env, timeout=100)
    assert done.returncode == -signal.SIGKILL
    assert len(tempfile_trials(folder)) == 1


@pytest.mark.parametrize("mode", ["fd", "sys", "no"])
def test_trials_of_the_temporary_folder(tmp_path: Path, mode: str) -> None:
    # As many as with pytest alone: those of main.
    probe, folder, seen = tmp_path / "probe", tmp_path / "temporary", tmp_path / "seen"
    for made in (probe, folder, tmp_path / "suite"):
        made.mkdir()
    write_suite(tmp_path / "suite", {})
    (probe / "sitecustomize.py").write_text(
        "import os, sys\n"
        "def hook(event, args):\n"
        f"    if event == 'open' and str(args[0]).startswith({f'{folder}/'!r}) and args[2] & os.O_CREAT:\n"
        "        os.write(log, b'tried\\n')\n"
        f"log = os.open({str(seen)!r}, os.O_CREAT | os.O_APPEND | os.O_WRONLY)\n"
        "sys.addaudithook(hook)\n"
    )
    tried = []
    for farm in (False, True):
        env = {"PYTHONPATH": f"{PROBE}:{probe}", "TMPDIR": str(folder)}
        result = run(tmp_path / "suite", f"--capture={mode}", farm=farm, env=env)
        assert result.status == 0, result
        tried.append(seen.read_text().count("tried"))
        seen.unlink()
    assert tried == [int(mode == "fd")] * 2


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("delay", [0.9, 1.3])
def test_control_c(suite: Path, times: int, delay: float) -> None:
    with Pytest(suite, "-o", "addopts=") as session:
        session.wait_for(session.zygote)
        time.sleep(delay)
        farm = session.descendants()
        for _ in range(times):
            # What a terminal does: to all of the foreground process group.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(session.pid, signal.SIGINT)
            time.sleep(0.05)
        result = session.finish(30)
        assert result.status in (pytest.ExitCode.INTERRUPTED, 0, -signal.SIGINT, 130), result
        _assert_gone(farm)


def test_control_c_while_main_waits(tmp_path: Path) -> None:
    write_suite(tmp_path, {"test_m.py": "import time\ntime.sleep(50)"})
    with Pytest(tmp_path) as session:
        session.wait_for(session.workers)
        time.sleep(0.5)
        farm = session.descendants()
        os.killpg(session.pid, signal.SIGINT)
        result = session.finish(20)
        assert result.status == pytest.ExitCode.INTERRUPTED, result
        assert "KeyboardInterrupt" in result.out
        _assert_gone(farm)


#: A signal that another thread takes doesn't end a system call of the main thread; nor does one that comes just before.
WAITING = """\
import signal, socket, threading, time
from fastcollect_meta import _wire

ours, theirs = socket.socketpair()
channel = _wire.Channel(ours.detach())

def interrupt():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

thread = threading.Thread(target=interrupt)
thread.start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
try:
    channel.receive(None)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_control_c_that_does_not_end_a_wait() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WAITING], capture_output=True, text=True, timeout=60
    )
    assert ended.stdout == "interrupted\n", ended


@pytest.mark.parametrize("who", ["main", "coordinator", "zygote", "worker", "all"])
def test_stopped_and_continued(suite: Path, native_ids: list[str], who: str) -> None:
    with Pytest(suite) as session:
        session.wait_for(lambda: _victims(session, "worker"))
        victims = {
            "main": [session.pid],
            "all": [session.pid, *session.descendants()],
        }.get(who) or _victims(session, who)
        for pid in victims:
            session.signal(pid, signal.SIGSTOP)
        time.sleep(1)
        for pid in victims:
            session.signal(pid, signal.SIGCONT)
        result = session.finish()
    assert (result.status, result.ids) == (0, native_ids), result


def test_closed_terminal(suite: Path) -> None:
    ours, theirs = pty.openpty()
    with Pytest(suite) as probe:
        args, env = probe.args, probe.env
        probe.process.kill()
        probe.process.wait()

    def attach() -> None:
        os.setsid()
        os.close(os.open(os.ttyname(theirs), os.O_RDWR))  # becomes the controlling terminal

    process = subprocess.Popen(
        args, cwd=suite, env=env, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=attach
    )
    os.close(theirs)
    time.sleep(1.0)
    farm = descendants_of(process.pid)
    os.close(ours)
    try:
        assert process.wait(20) in (-signal.SIGHUP, 0, 1, 2, 3)
    finally:
        process.kill()
        process.wait()
    _assert_gone(farm)


@pytest.mark.parametrize(
    "limit", [10, 18, 26, *(pytest.param(n, marks=pytest.mark.full) for n in (14, 22, 32, 48))]
)
def test_few_descriptors(suite: Path, native_ids: list[str], limit: int) -> None:
    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    native = run(suite, farm=False, prepare=prepare)
    result = run(suite, prepare=prepare)
    if native.ids is None:  # too few for Python itself
        assert result.ids is None and result.status != 0
    else:
        assert (result.status, result.ids) == (native.status, native.ids), result


def _become_somebody() -> None:
    """Another user, without processes of his own, who may read what root may: the interpreter may lie anywhere."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
    os.setgroups([])
    os.setgid(54321)
    os.setuid(54321)
    read_all = 1 << 1  # CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)(read_all, read_all, read_all)
    if libc.capset(header, sets) < 0 or libc.prctl(47, 2, 1, 0, 0) < 0:  # PR_CAP_AMBIENT_RAISE
        raise OSError(ctypes.get_errno(), "capabilities can't be kept")


@pytest.mark.unsanitized("a sanitizer starts a process at the end")
def test_few_processes(suite: Path) -> None:
    def prepare(limit: int) -> None:
        _become_somebody()
        resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))

    if os.getuid() != 0:
        pytest.skip("needs root, to become a user without other processes")
    try:
        native = run(suite, farm=False, prepare=partial(prepare, 1))
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"another user can't run this Python: {error}")
    assert native.ids
    for limit in (1, 3, 5):
        result = run(suite, prepare=partial(prepare, limit))
        assert (result.status, result.ids) == (native.status, native.ids), result


#: A folder that nobody can write to, not even root.
UNWRITABLE = "/proc/1"


def test_no_temporary_folder(suite: Path, native_ids: list[str]) -> None:
    env = {"TMPDIR": UNWRITABLE}
    native = run(suite, farm=False, env=env)
    result = run(suite, env=env)
    assert (result.status, result.ids) == (native.status, native.ids)


def test_unwritable_cache_folder(suite: Path, native_ids: list[str]) -> None:
    args = ("-o", f"cache_dir={UNWRITABLE}/cache")
    result = _with_cache(suite, *args)
    assert (result.status, result.ids) == (0, native_ids)


def _with_cache(folder: Path, *args: str) -> Result:
    session = Pytest(folder, *args)
    at = session.args.index("no:cacheprovider")
    del session.args[at - 1 : at + 1]
    with session:
        return session.finish()


def _mounted(folder: Path, *options: str) -> bool:
    return (
        subprocess.run(
            ["mount", "-t", "tmpfs", *options, "none", folder], capture_output=True
        ).returncode
        == 0
    )


@pytest.mark.parametrize("state", ["full", "read-only"])
def test_disk(tmp_path: Path, state: str) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    if not _mounted(folder, "-o", "size=512k"):
        pytest.skip("mounting isn't permitted here")
    try:
        write_suite(folder, {f"test_m{i}.py": HEALTHY for i in range(4)})
        if state == "full":
            with contextlib.suppress(OSError), (folder / "filling").open("wb", 0) as file:
                while True:
                    file.write(b"x" * 512)
        else:
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        env = {"TMPDIR": str(folder)}
        native = run(folder, farm=False, env=env)
        result = run(folder, env=env)
        assert (result.status, result.ids) == (native.status, native.ids), result
        again = _with_cache(folder)
        assert (again.status, again.ids) == (0, native.ids), again
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
