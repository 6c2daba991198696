"""Deadly files where there is a manifest, and all others are served from it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from faultruns import HEALTHY, Pytest, Result, healthy_ids, write_suite
from test_imported_module import DEADLY, ENDLESS, LAST_WORDS, LESS, POISON, SURVIVED

SEGFAULT = (
    "import os, signal\nprint('last words', flush=True)\nos.kill(os.getpid(), signal.SIGSEGV)\n"
)
EXIT = "import os\nprint('last words', flush=True)\nos._exit(0)\n"


def _session(folder: Path, *args: str, **options: bool) -> Pytest:
    session = Pytest(folder, *args, **options)  # type: ignore[arg-type]
    at = session.args.index("no:cacheprovider")
    del session.args[at - 1 : at + 1]
    return session


def _run(folder: Path, *args: str, **options: bool) -> Result:
    with _session(folder, *args, **options) as session:
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


class Primed:
    """A suite whose cache folder is the same before each case: all files are known, and healthy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "suite"
        self.folder.mkdir()
        write_suite(self.folder, {POISON: HEALTHY})
        assert _run(self.folder).status == 0
        self._cache = self.folder / ".pytest_cache"
        self._kept = folder / "cache"
        shutil.copytree(self._cache, self._kept)

    def with_(self, source: str) -> Path:
        """The folder, with another text in one of the files."""
        shutil.rmtree(self._cache)
        shutil.copytree(self._kept, self._cache)
        for path in self.folder.glob(f"{POISON}*"):
            path.unlink()
        (self.folder / POISON).write_text(source)
        return self.folder


@pytest.fixture(scope="module")
def primed(tmp_path_factory: pytest.TempPathFactory) -> Primed:
    return Primed(tmp_path_factory.mktemp("primed"))


def _some(names: Iterable[str], *quick: str) -> list[Any]:
    return [name if name in quick else pytest.param(name, marks=pytest.mark.full) for name in names]


@pytest.mark.parametrize(
    "name", _some(DEADLY, "segfault", "os-exit-0", "sigkill-itself", "grandchild-keeps-the-pipe")
)
def test_file_that_has_become_deadly(primed: Primed, name: str) -> None:
    source, how, has_stack = DEADLY[name]
    folder = primed.with_(LAST_WORDS + source)
    # Once a fork of main has died of it, workers show what a run without a manifest shows; then they get it at once.
    for _ in range(2):
        result = _run(folder)
        _assert_one_error(folder, result)
        assert result.status == pytest.ExitCode.INTERRUPTED
        assert result.files == {"manifest": 4, "failed": 1}
        text = result.error_of(POISON)
        assert how in text and "and more" in text
        assert not has_stack or f'{POISON}", line' in text
    assert not list(folder.rglob("importing-*"))


def test_file_that_has_become_deadly_in_a_run(primed: Primed) -> None:
    folder = primed.with_(LAST_WORDS + "os.kill(os.getpid(), 9)")
    result = _run(folder, "--continue-on-collection-errors", "-q", collect_only=False)
    assert "16 passed, 1 error" in result.out, result


def test_new_file_that_is_deadly(primed: Primed) -> None:
    folder = primed.with_(HEALTHY)
    new = folder / "test_new.py"
    new.write_text(SEGFAULT)
    try:
        result = _run(folder)
    finally:
        new.unlink()
    assert result.files == {"manifest": 5, "failed": 1}
    assert "SIGSEGV" in result.error_of("test_new.py")


@pytest.mark.parametrize("name", _some(ENDLESS, "loop-in-python", "sigterm-ignored"))
def test_file_that_has_become_endless(primed: Primed, name: str) -> None:
    folder = primed.with_(LAST_WORDS + ENDLESS[name])
    result = _run(folder, "-o", "fastcollect_meta_time_limit=1")
    _assert_one_error(folder, result)
    assert "took longer than 1 s" in result.error_of(POISON)


@pytest.mark.parametrize(
    "name",
    _some(
        SURVIVED,
        *("sys-exit", "child-lives-on", "daemonized-grandchild", "closes-range", "chdir"),
        *("sys-path-cleared", "stdin-read", "prints-100-mb", "patched-os", "blocked-signals"),
    ),
)
def test_file_that_has_become_odd(primed: Primed, name: str) -> None:
    source = SURVIVED[name] + "\ndef test_of_this():\n    pass\n"
    native, result = _run(primed.with_(source), farm=False), _run(primed.with_(source))
    if name in LESS:
        assert result.ids is not None
        assert set(result.ids) >= {*(native.ids or ()), *healthy_ids(primed.folder)}
        return
    assert (result.status, result.ids) == (native.status, native.ids), result
    assert [nodeid for nodeid, _ in result.errors] == [nodeid for nodeid, _ in native.errors]


def test_child_that_goes_on_as_the_fork(primed: Primed) -> None:
    folder = primed.with_("import os\nos.fork()\ndef test_of_this():\n    pass\n")
    result = _run(folder)
    assert result.status == 0, result
    assert result.files == {"manifest": 4, "here": 1}


def test_threads_in_main_keep_it_from_forking(primed: Primed) -> None:
    folder = primed.with_(SEGFAULT)
    conftest = folder / "conftest.py"
    conftest.write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    try:
        _assert_one_error(folder, _run(folder))
    finally:
        conftest.unlink()


def test_interrupt_while_a_fork_imports(primed: Primed) -> None:
    begun = primed.folder / f"{POISON}.begun"
    source = f"import time\nopen({str(begun)!r}, 'w').close()\ntime.sleep(1000)\n"
    with _session(primed.with_(source)) as session:
        assert session.wait_for(begun.exists)
        session.process.send_signal(signal.SIGINT)
        result = session.finish()
    assert result.status == pytest.ExitCode.INTERRUPTED, result
    assert "KeyboardInterrupt" in result.out


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda one: one.name)
def test_end_of_main_while_a_fork_imports(primed: Primed, number: signal.Signals) -> None:
    begun = primed.folder / f"{POISON}.begun"
    source = f"import time\nopen({str(begun)!r}, 'w').close()\ntime.sleep(1000)\n"
    with _session(primed.with_(source)) as session:
        assert session.wait_for(begun.exists)
        session.process.send_signal(number)
        assert session.finish().status == -number


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


def test_deadly_module_of_a_file_that_is_collected_natively(tmp_path: Path) -> None:
    # What the manifest knows of such a file is in the file; what it imports may have changed.
    imports = "import helper\n"
    native = imports + "import warnings\nwarnings.resetwarnings()\n" + HEALTHY
    write_suite(tmp_path, {"helper.py": "", "test_b.py": imports + HEALTHY, POISON: native})
    assert _run(tmp_path).status == 0
    assert _run(tmp_path).files == {"manifest": 5, "natively": 1}
    (tmp_path / "helper.py").write_text("x = 1\n")
    assert _run(tmp_path).files == {"manifest": 4, "here": 1, "natively": 1}
    (tmp_path / "helper.py").write_text(SEGFAULT)
    for _ in range(2):
        result = _run(tmp_path)
        assert [nodeid for nodeid, _ in result.errors] == ["test_b.py", POISON]
        assert result.ids == healthy_ids(tmp_path)


def test_deadly_file_without_a_farm(tmp_path: Path) -> None:
    folder = tmp_path / "suite"
    folder.mkdir()
    write_suite(folder, {POISON: SEGFAULT})
    gone = tmp_path / "gone"
    (folder / "conftest.py").write_text(
        "import os\nfrom fastcollect_meta import binaries\nreal = binaries.coordinator\n"
        f"binaries.coordinator = lambda: None if os.path.exists({str(gone)!r}) else real()\n"
    )
    assert _run(folder).files == {"farm": 4, "failed": 1}
    gone.touch()
    result = _run(folder)
    assert [nodeid for nodeid, _ in result.errors] == [POISON]
    assert result.ids == healthy_ids(folder)
    assert "has ended a process before" in result.error_of(POISON)
    (folder / POISON).write_text(HEALTHY)
    assert _run(folder).files == {"manifest": 4, "here": 1}
    assert _run(folder).files == {"manifest": 5}


def test_fork_of_a_process_with_openblas(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    module = "import numpy\nx = numpy.ones((300, 300))\nx = (x @ x)[0, 0]\n" + HEALTHY
    write_suite(tmp_path, {"conftest.py": module, POISON: module})
    assert _run(tmp_path).files == {"farm": 5}
    (tmp_path / POISON).write_text(module + "# changed\n")
    assert _run(tmp_path).files == {"manifest": 4, "here": 1}


def test_orphans_that_are_not_of_the_fork_live_on(primed: Primed) -> None:
    # A daemon that a conftest has started loses its parent while a fork imports a file.
    began, daemon = primed.folder / f"{POISON}.began", primed.folder / f"{POISON}.daemon"
    launcher = (
        "import os, time\n"
        "if os.fork():\n"
        f"    while not os.path.exists({str(began)!r}): time.sleep(0.01)\n"
        "else:\n"
        f"    open({str(daemon)!r}, 'w').write(str(os.getpid()))\n"
        "    time.sleep(100)\n"
    )
    module = f"import time\nopen({str(began)!r}, 'w').close()\ntime.sleep(1)\n" + HEALTHY
    folder = primed.with_(module)
    plugin = folder / "launching.py"
    plugin.write_text(
        "import subprocess, sys\n"
        "def pytest_collection():\n"
        "    if 'fastcollect_meta.zygote' not in sys.modules:\n"
        f"        subprocess.Popen([sys.executable, '-c', {launcher!r}], start_new_session=True)\n"
    )
    (folder / "conftest.py").write_text("from launching import pytest_collection\n")
    try:
        # once for the new conftest
        (folder / POISON).write_text(HEALTHY)
        began.touch()
        assert _run(folder).status == 0
        os.kill(int(daemon.read_text()), signal.SIGKILL)
        began.unlink()
        (folder / POISON).write_text(module)
        assert _run(folder).files == {"manifest": 4, "here": 1}
        os.kill(int(daemon.read_text()), signal.SIGKILL)
    finally:
        plugin.unlink()
        (folder / "conftest.py").unlink()
