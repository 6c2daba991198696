"""The zygote and its workers, driven without a coordinator."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fastcollect_meta import binaries
from zygotes import Died, Zygote, plain_path, write

needs_binary = pytest.mark.skipif(binaries.worker() is None, reason="built without libpython")


def answer_of(zygote: Zygote, expression: str) -> object:
    """What an expression is worth at import in a worker: the name of a parametrized test tells it."""
    (answer,) = [
        string[len("value=") :]
        for string in zygote.collect("test_value.py").strings
        if string.startswith("value=")
    ]
    return ast.literal_eval(answer)


def ask(path: Path, expression: str, **kwargs: object) -> object:
    """The value of an expression in a module of a fresh suite in `path`."""
    write(
        path,
        test_value=(
            "import os, sys, pytest, resource, signal, gc, random, threading\n"
            f"@pytest.mark.parametrize('x', [0], ids=['value=' + ascii({expression})])\n"
            "def test(x): pass\n"
        ),
    )
    with Zygote(path, **kwargs) as zygote:  # type: ignore[arg-type]
        assert zygote.goodbye is None
        return answer_of(zygote, expression)


# The interpreter


@needs_binary
def test_hashes_are_those_of_main(tmp_path: Path) -> None:
    assert ask(tmp_path, "hash('a')") == hash("a")


@needs_binary
def test_other_random_numbers_are_random(tmp_path: Path) -> None:
    expression = "(os.urandom(24).hex(), random.random())"
    assert ask(tmp_path, expression) != ask(tmp_path, expression)


@pytest.mark.parametrize("options", [(), ("-X", "dev"), ("-O", "-W", "error"), ("-s", "-B")])
def test_interpreter_is_the_user_s(tmp_path: Path, options: tuple[str, ...]) -> None:
    expression = (
        "[tuple(sys.flags), sys.executable, sys.prefix, sys.base_prefix, sys.exec_prefix,"
        " sys.warnoptions, sorted(sys._xoptions), sys.version, sys._base_executable,"
        " sys.getfilesystemencoding(), sys.implementation.cache_tag, sys.platlibdir]"
    )
    native = subprocess.run(
        [sys.executable, *options, "-c", f"import sys; print(ascii({expression}))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # -W error would make an error of a warning somewhere in preparing pytest: not what is tested here
    assert ask(tmp_path, expression, interpreter_args=options) == ast.literal_eval(native)


def test_arguments_and_directory(tmp_path: Path) -> None:
    value = ask(tmp_path, "(sys.argv, os.getcwd(), sys.path)", args=("-q",))
    path = [str(tmp_path), *plain_path(sys.executable)]
    args = ["-p", "fastcollect_meta", "-q"]
    assert value == (["/somewhere/pytest", *args], str(tmp_path), path)


def test_our_variables_are_gone(tmp_path: Path) -> None:
    value = ask(
        tmp_path,
        "sorted(name for name in os.environ if name.startswith('FASTCOLLECT_META'))",
        env={"FASTCOLLECT_META_WORKERS": "2"},
    )
    assert isinstance(value, list)
    # the sanitizers' step sets this one for all of its processes
    assert [name for name in value if name != "FASTCOLLECT_META_GC"] == ["FASTCOLLECT_META_WORKERS"]


# The guard


def test_worker_is_set_apart(tmp_path: Path) -> None:
    expression = (
        "(os.getsid(0) == os.getpgrp() == os.getpid(), resource.getrlimit(resource.RLIMIT_CORE)[0],"
        " sorted(fd for fd in map(int, os.listdir('/proc/self/fd')) if fd < 3))"
    )
    assert ask(tmp_path, expression) == (True, 0, [0, 1, 2])


def test_descriptors_of_others_are_closed(tmp_path: Path) -> None:
    # The listing's own descriptor is the last: the numbers below it are all that are open.
    expression = (
        "[os.readlink(f'/proc/self/fd/{fd}').partition(':')[0] for fd in os.listdir('/proc/self/fd')"
        " if os.path.exists(f'/proc/self/fd/{fd}') or int(fd) > 900].count('socket')"
    )
    write(tmp_path, test_value="")
    assert ask(tmp_path, expression) == 1


def test_reading_stdin_goes_native(tmp_path: Path) -> None:
    write(tmp_path, test_read="import sys\nsys.stdin.read()")
    with Zygote(tmp_path, ("-s",)) as zygote:
        assert zygote.collect("test_read.py").reason == "collection-error"


def test_worker_dies_with_the_zygote(tmp_path: Path) -> None:
    write(tmp_path, test_a="def test(): pass")
    with Zygote(tmp_path) as zygote:
        worker = zygote.fork()
        assert worker.collect(1).kind == "Record"
        zygote.process.kill()
        with pytest.raises(EOFError):
            worker.channel.receive(10.0)


def test_end_of_channel_ends_both(tmp_path: Path) -> None:
    write(tmp_path, test_a="def test(): pass")
    with Zygote(tmp_path) as zygote:
        worker = zygote.fork()
        worker.channel.close()
        assert zygote.reap(worker) == 0
        zygote.channel.close()
        assert zygote.process.wait(10) == 0


def test_statuses_of_workers(tmp_path: Path) -> None:
    write(
        tmp_path,
        test_exit="import os\nos._exit(7)",
        test_kill="import os\nos.kill(os.getpid(), 9)",
        test_crash="import ctypes\nctypes.string_at(0)",
    )
    with Zygote(tmp_path) as zygote:
        for name, status in ("exit", 7 << 8), ("kill", 9), ("crash", signal.SIGSEGV):
            worker = zygote.fork()
            with pytest.raises(Died):
                worker.collect(zygote.id_of(f"test_{name}.py"))
            assert zygote.reap(worker) == status
            if name == "crash":
                assert "Segmentation fault" in worker.printed()
                assert "test_crash.py" in worker.printed()


def test_last_words_of_a_crash(tmp_path: Path) -> None:
    write(tmp_path, test_a="import os, sys\nprint('the end', file=sys.stderr)\nos.abort()")
    for args in (), ("-s",), ("--capture=sys",):
        with Zygote(tmp_path, args) as zygote:
            worker = zygote.fork()
            with pytest.raises(Died):
                worker.collect(1)
            assert zygote.reap(worker) == signal.SIGABRT
            assert "Aborted" in worker.printed()
            if args != ("--capture=sys",):
                assert worker.printed().startswith("the end\n")


def test_sigterm_shows_the_stack(tmp_path: Path) -> None:
    write(tmp_path, test_a="import time\nwhile True: time.sleep(1)")
    with Zygote(tmp_path) as zygote:
        worker = zygote.fork()
        worker.channel.send("Assign", {"id": 1}, 1)
        assert worker.channel.receive(10.0)
        time.sleep(0.5)
        os.kill(worker.pid, signal.SIGTERM)
        assert zygote.reap(worker) == signal.SIGTERM
        assert 'test_a.py", line 2 in <module>' in worker.printed()


@pytest.mark.parametrize(
    "body",
    [
        "os.closerange(3, 4096)",
        "[os.dup2(1, fd) for fd in map(int, os.listdir('/proc/self/fd')) if fd > 900]",
    ],
)
def test_lost_channel(tmp_path: Path, body: str) -> None:
    write(tmp_path, test_a=f"import os\n{body}")
    with Zygote(tmp_path, ("-s",)) as zygote:
        worker = zygote.fork()
        with pytest.raises(Died):
            worker.collect(1)
        assert zygote.reap(worker) == 97 << 8


# Preparation and walk


def test_walk_is_in_order_of_collection(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "b/test_1": "raise RuntimeError('not to be imported')",
            "b/test_0": "",
            "a/test_2": "",
            "test_0": "",
            "c/conftest": "collect_ignore = ['test_x.py']",
            "c/test_x": "",
            "c/test_y": "",
        },
    )
    native = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
    )
    assert native.returncode == 2
    with Zygote(tmp_path) as zygote:
        assert zygote.names() == [
            "a/test_2.py",
            "b/test_0.py",
            "b/test_1.py",
            "c/test_y.py",
            "test_0.py",
        ]
        assert [file["id"] for file in zygote.files] == [1, 2, 3, 4, 5]
        assert {file["collector"] for file in zygote.files} == {"_pytest.python:Module"}
        assert zygote.prepared["can_fork"]


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (("test_b.py::Missing::test", "test_a.py"), ["test_b.py", "test_a.py"]),
        (("test_a.py", "test_a.py::test", "test_b.py"), ["test_a.py", "test_b.py"]),
        (("--doctest-modules", "test_a.py"), ["test_a.py", "test_a.py"]),
        (("--lf", "--ff", "--sw", "-x"), ["test_a.py", "test_b.py"]),
        (("--collect-only", "--setup-plan", "-p", "xdist", "-n2"), ["test_a.py", "test_b.py"]),
    ],
)
def test_arguments(tmp_path: Path, args: tuple[str, ...], names: list[str]) -> None:
    if "xdist" in args:
        pytest.importorskip("xdist")
    write(tmp_path, test_a="def test(): pass", test_b="def test(): pass")
    with Zygote(tmp_path, args) as zygote:
        assert zygote.goodbye is None
        assert zygote.names() == names


@pytest.mark.parametrize(
    ("conftest", "args", "reason"),
    [
        ("1 / 0", (), "ZeroDivisionError"),
        ("", ("--no-such-option",), "unrecognized arguments"),
        ("", ("nowhere",), "nowhere"),
        ("import pytest\npytest.exit('enough')", (), "enough"),
        ("def pytest_configure(): raise SystemExit(4)", (), "SystemExit"),
        ("def pytest_collection(): return True", (), "pytest_collection"),
        ("def pytest_nonsense(): pass", (), "pytest_nonsense"),
    ],
)
def test_preparation_fails(
    tmp_path: Path, conftest: str, args: tuple[str, ...], reason: str
) -> None:
    write(tmp_path, conftest=conftest, test_a="")
    with Zygote(tmp_path, args) as zygote:
        assert zygote.goodbye is not None
        assert reason in zygote.goodbye
        assert "\n" not in zygote.goodbye
        zygote.process.wait(10)


def test_nothing_is_finished(tmp_path: Path) -> None:
    write(
        tmp_path,
        conftest=(
            "import atexit\n"
            "def note(*args): open('noted', 'a').write('x')\n"
            "atexit.register(note)\n"
            "def pytest_sessionfinish(): note()\n"
            "def pytest_unconfigure(): note()\n"
            "def pytest_collection_modifyitems(): note()\n"
            "def pytest_collection_finish(): note()\n"
            "def pytest_deselected(): note()\n"
            "def pytest_terminal_summary(): note()\n"
        ),
        test_a="def test(): pass",
    )
    with Zygote(
        tmp_path, ("--junitxml=junit.xml", "--log-file=log", "--debug", "-k", "no")
    ) as zygote:
        assert zygote.collect("test_a.py").kind == "Record"
    left = sorted(name for name in os.listdir(tmp_path) if name[0] not in "._")
    assert left == ["conftest.py", "test_a.py"]


def test_threads_forbid_forking(tmp_path: Path) -> None:
    write(
        tmp_path,
        conftest=(
            "import threading, time\n"
            "threading.Thread(target=time.sleep, args=(100,), name='napper', daemon=True).start()\n"
        ),
        test_a="def test(): pass",
    )
    with Zygote(tmp_path) as zygote:
        assert not zygote.prepared["can_fork"]
        assert "napper" in zygote.prepared["why"]
    with Zygote(tmp_path, role="worker") as zygote:
        assert zygote.own_worker().collect(1).kind == "Record"


# Collecting


def test_records_output_and_warnings(tmp_path: Path) -> None:
    write(
        tmp_path,
        helper="import warnings\nwarnings.warn('from the helper', FutureWarning)",
        test_a=(
            "import os, sys, warnings, helper\n"
            "print('out')\nprint('err', file=sys.stderr)\nos.system('echo child')\n"
            "warnings.warn('beware')\ndef test(): pass\n"
        ),
        test_b="import helper\ndef test(): pass",
    )
    with Zygote(tmp_path) as zygote:
        worker = zygote.fork()
        fields = worker.collect(1).fields
        assert fields["captured_out"] == b"out\nchild\n"
        assert fields["captured_err"] == b"err\n"
        helper, beware = fields["warnings"]
        assert helper["text"] == b"from the helper"
        assert helper["category"] == "builtins:FutureWarning"
        assert helper["origin"] == helper["filename"] == os.fsencode(tmp_path / "helper.py")
        assert beware["category"] == "builtins:UserWarning"
        assert beware["line"] == 5
        # another file of the same worker
        fields = worker.collect(2).fields
        assert fields["warnings"] == []
        assert fields["captured_out"] == fields["captured_err"] == b""


def test_skipped_file(tmp_path: Path) -> None:
    write(tmp_path, test_a="import pytest\npytest.skip('not here', allow_module_level=True)")
    with Zygote(tmp_path) as zygote:
        skip = zygote.collect("test_a.py").fields["skip"]
    assert skip == {
        "path": os.fsencode(tmp_path / "test_a.py"),
        "line": 2,
        "message": b"Skipped: not here",
    }


SOURCES = {
    "collection-error": "import not_there",
    "exits-while-importing": "import sys\nsys.exit(0)",
    "changes-sys-path": "import sys\nsys.path.insert(0, '/nowhere')",
    "changes-directory": "import os\nos.chdir('/')",
    "warning-with-state": (
        "import warnings\nclass W(UserWarning):\n    def __init__(self, a, b): self.a = a\n"
        "warnings.warn(W(1, 2))"
    ),
}


@pytest.mark.parametrize("reason", SOURCES)
def test_native_reasons(tmp_path: Path, reason: str) -> None:
    write(tmp_path, test_a=SOURCES[reason], test_b="import os, sys\ndef test(): pass")
    with Zygote(tmp_path) as zygote:
        worker = zygote.fork()
        seen = worker.collect(1).reason
        if pytest.version_tuple < (8, 1) and reason == "exits-while-importing":
            reason = "collection-error"  # what it was then
        assert seen == reason
        assert worker.collect(2).kind == "Record"


@pytest.mark.parametrize("args", [("-s",), ("--capture=sys",), ("--capture=tee-sys",)])
@pytest.mark.parametrize(
    "body",
    [
        "print('x')",
        "import sys; sys.stderr.write('x')",
        "import os; os.write(1, b'x')",
        "import ctypes; ctypes.CDLL(None).puts(b'x')",
    ],
)
def test_printing_without_capture(tmp_path: Path, args: tuple[str, ...], body: str) -> None:
    write(tmp_path, test_a=body, test_b="def test(): pass")
    with Zygote(tmp_path, args) as zygote:
        worker = zygote.fork()
        assert worker.collect(1).reason == "prints-while-importing"
        assert worker.collect(2).kind == "Record"


def test_printing_outside_of_capture(tmp_path: Path) -> None:
    # pytest captures while a file's collector collects, not its classes
    write(
        tmp_path,
        conftest=(
            "def pytest_pycollect_makeitem(collector, name):\n"
            "    if name == 'test_in_class': print('seen')\n"
        ),
        test_a="class Test:\n    def test_in_class(self): pass",
    )
    with Zygote(tmp_path) as zygote:
        assert zygote.collect("test_a.py").reason == "prints-while-importing"


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ((), ""),
        (("--log-level=INFO",), ""),
        (("--log-cli-level=INFO",), "logs-while-importing"),
        (("-o", "log_cli=true"), "logs-while-importing"),
        (("--log-file=some.log",), "logs-while-importing"),
        (("-o", "log_file=some.log"), "logs-while-importing"),
    ],
)
def test_logging(tmp_path: Path, args: tuple[str, ...], reason: str) -> None:
    write(tmp_path, test_a="import logging\nlogging.warning('x')", test_b="def test(): pass")
    with Zygote(tmp_path, args) as zygote:
        worker = zygote.fork()
        assert worker.collect(1).reason == reason
        assert worker.collect(2).kind == "Record"
    assert not (tmp_path / "some.log").exists()


def test_a_plugin_adds_to_the_report(tmp_path: Path) -> None:
    write(
        tmp_path,
        conftest=(
            "import pytest\n"
            "@pytest.hookimpl(wrapper=True)\n"
            "def pytest_make_collect_report(collector):\n"
            "    report = yield\n"
            "    report.sections.append(('Mine', 'text'))\n"
            "    return report\n"
        ),
        test_a="def test(): pass",
    )
    with Zygote(tmp_path) as zygote:
        assert zygote.collect("test_a.py").reason == "report-changed-by-plugin"


# sys.path


#: pytest without the current directory in sys.path
_PYTEST = "import sys; del sys.path[0]; import pytest; sys.exit(pytest.main(sys.argv[1:]))"


def native_paths(path: Path, *args: str) -> dict[str, list[str]]:
    """sys.path at the import of each file, natively; files append it to `seen`."""
    subprocess.run(
        [sys.executable, "-c", _PYTEST, "--collect-only", "-q", "-p", "no:cacheprovider", *args],
        cwd=path,
        capture_output=True,
    )
    seen = dict(ast.literal_eval(line) for line in (path / "seen").read_text().splitlines())
    (path / "seen").unlink()
    return seen


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_sys_path_is_as_if_the_files_before_were_imported(tmp_path: Path, mode: str) -> None:
    note = (
        "import os, sys\n"
        "with open(os.environ['SEEN'], 'a') as file:\n"
        "    path = [p for p in sys.path if p.startswith(os.environ['ROOT'])]\n"
        "    print((os.path.basename(__file__), list(dict.fromkeys(path))), file=file)\n"
    )
    write(
        tmp_path,
        {
            "a/test_1": note,
            "a/test_2": note,
            "b/test_3": note,
            "c/p/__init__": "",
            "c/p/q/__init__": "",
            "c/p/q/test_4": note,
            "c/p/test_5": note,
            "d/conftest": "import sys\nsys.path.append(__file__)",
            "d/test_6": note,
            "test_7": note,
            "a/z/test_8": note,
        },
    )
    os.environ.update(SEEN=str(tmp_path / "seen"), ROOT=str(tmp_path))
    native = native_paths(tmp_path, f"--import-mode={mode}")
    assert len(native) == 8
    with Zygote(tmp_path, (f"--import-mode={mode}",)) as zygote:
        ids = [int(file["id"]) for file in zygote.files]
        for order in ids, ids[::-1], ids[1::2] + ids[::2]:
            worker = zygote.fork()
            for id in order:
                assert worker.collect(id).reason == ""
            seen = dict(ast.literal_eval(line) for line in open(tmp_path / "seen"))
            (tmp_path / "seen").unlink()
            for name, path in native.items():
                # conftests of later folders have been imported by the walk: see the known limitations
                later = str(tmp_path / "d"), str(tmp_path / "d/conftest.py")
                assert [p for p in seen[name] if p in path or p not in later] == path, name


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_same_module_name(tmp_path: Path, mode: str) -> None:
    text = "def test(): pass"
    write(
        tmp_path,
        {"a/test_x": text, "b/test_x": text, "c/__init__": "", "c/test_x": text, "test_y": text},
    )
    with Zygote(tmp_path, (f"--import-mode={mode}",)) as zygote:
        worker = zygote.fork()
        reasons = {name: worker.collect(zygote.id_of(name)).reason for name in zygote.names()}
    shared = "" if mode == "importlib" else "duplicate-module-name"
    assert reasons == {
        "a/test_x.py": shared,
        "b/test_x.py": shared,
        "c/test_x.py": "",
        "test_y.py": "",
    }


def test_changes_of_sys_path_that_make_no_difference(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a/test_1": "import sys\nsys.path.pop(0)",
            "a/test_2": "import sys\nsys.path.insert(0, __file__.rpartition('/')[0])",
            "a/test_3": "import sys\nsys.path.append('/at/the/end')",
            "b/test_4": "import sys\nassert sys.path[-1] == '/at/the/end'",
        },
    )
    with Zygote(tmp_path) as zygote:
        worker = zygote.fork()
        assert [worker.collect(id).reason for id in range(1, 5)] == [""] * 4
