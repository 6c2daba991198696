"""With pytest-xdist: the controller prepares, its workers build lazy items and import what they run."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import PLUGIN, PROBES, Run, run, run_both
from fastcollect_meta import binaries

pytest.importorskip("xdist")
pytestmark = pytest.mark.skipif(binaries.coordinator() is None, reason="built without coordinator")

FILES = {
    "test_plain.py": """
        import pytest
        @pytest.mark.parametrize("x", [1, 2.5, "three", None])
        def test_values(x): pass
        def test_fails(): assert 0
        @pytest.mark.skip(reason="not now")
        def test_skipped(): pass
    """,
    "test_classes.py": """
        import pytest, unittest
        class TestOne:
            @pytest.mark.xdist_group("together")
            def test_first(self): pass
            def test_second(self): pass
        class TestCase(unittest.TestCase):
            def test_unit(self): self.assertTrue(True)
    """,
    "test_groups.py": """
        import pytest
        @pytest.fixture(scope="module", params=["a", "b"])
        def shared(request): return request.param
        @pytest.mark.xdist_group(name="together")
        def test_here(shared): pass
        def test_there(shared): pass
    """,
    "test_skipped.py": """
        import pytest
        pytest.skip("as a whole", allow_module_level=True)
    """,
    "sub/conftest.py": """
        import pytest
        def pytest_collection_modifyitems(items):
            for item in items:
                if item.name == "test_low":
                    item.add_marker(pytest.mark.low)
        def pytest_configure(config):
            config.addinivalue_line("markers", "low: added")
    """,
    "sub/test_low.py": """
        import warnings
        warnings.warn("while importing")
        def test_low(): pass
        def test_high(): pass
    """,
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    write(folder, FILES)
    return folder


def assert_same(native: Run, plugin: Run) -> None:
    assert plugin.ids == native.ids, plugin.out
    assert plugin.status == native.status, plugin.out
    assert plugin.outcomes == native.outcomes, plugin.out
    assert plugin.errors == native.errors, plugin.out
    assert plugin.warnings == native.warnings, plugin.out


@pytest.mark.parametrize(
    "dist", ["load", "loadscope", "loadfile", "loadgroup", "worksteal", "each"]
)
def test_each_way_to_distribute(suite: Path, dist: str) -> None:
    native, plugin = run_both(suite, "-n", "2", "--dist", dist)
    assert_same(native, plugin)
    assert plugin.counts("prepared") == {"farm": 5}
    assert plugin.counts("workers") == {"prepared": 10}
    assert plugin.imported_when_collected() == set()
    again = run(suite, "-p", "xdist", *PLUGIN, "-n", "2", "--dist", dist)
    assert_same(native, again)
    assert again.counts("prepared") == {"manifest": 5}
    assert again.counts("workers") == {"prepared": 10}
    assert again.imported_when_collected() == set()


def test_workers_import_what_they_run(suite: Path) -> None:
    plugin = run(suite, "-p", "xdist", *PLUGIN, "-n", "2", "--dist", "loadfile")
    first, second = plugin.imported()
    assert first | second == {
        "test_plain.py",
        "test_classes.py",
        "test_groups.py",
        "sub/test_low.py",
    }
    assert not first & second


# Who distributes, and how many


def with_plugin(folder: Path, *args: str, **kwargs: Any) -> Run:
    return run(folder, "-p", "xdist", *PLUGIN, *args, **kwargs)


def test_automatic_number(suite: Path) -> None:
    env = {"PYTEST_XDIST_AUTO_NUM_WORKERS": "3"}
    plugin = with_plugin(suite, "-n", "auto", "--maxprocesses=2", env=env)
    assert plugin.workers == ["gw0", "gw1"]
    assert plugin.counts("workers") == {"prepared": 10}


@pytest.mark.parametrize("args", [("-p", "xdist", "-n", "0"), ("-p", "no:xdist"), ("-p", "xdist")])
def test_nothing_is_distributed(suite: Path, args: tuple[str, ...]) -> None:
    plugin = run(suite, *args, *PLUGIN)
    assert plugin.workers == []
    assert "fastcollect-meta: 5 files (5 farm), " in plugin.out


def test_a_list_is_not_distributed(suite: Path) -> None:
    plugin = with_plugin(suite, "-n", "2", "--collect-only", "-q")
    assert plugin.workers == []
    assert "fastcollect-meta: 5 files (5 farm), 0 imported" in plugin.out
    # and what it has left in the manifest serves a run that is
    again = with_plugin(suite, "-n", "2")
    assert again.counts("prepared") == {"manifest": 5}


def test_without_records_of_a_farm(suite: Path) -> None:
    native = run(suite, "-p", "xdist", "-n", "2")
    plugin = run(suite, "-p", "xdist", "-p", "fastcollect_meta", "--workers=0", "-n", "2")
    assert_same(native, plugin)


def test_temporary_manifest(suite: Path, tmp_path: Path) -> None:
    env = {"TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    for args in (("--manifest=no",), ("-p", "no:cacheprovider")):
        plugin = with_plugin(suite, "-n", "2", *args, env=env)
        assert plugin.counts("prepared") == {"farm": 5}
        assert plugin.counts("workers") == {"prepared": 10}
    assert not list((tmp_path / "tmp").glob("fastcollect-meta*"))
    assert not (suite / ".pytest_cache" / "d").exists()


def test_loop_on_fail_stands_aside(suite: Path) -> None:
    (suite / "test_plain.py").unlink()  # without failures it waits for a change
    with subprocess.Popen(
        [
            sys.executable,
            "-u",
            "-m",
            "pytest",
            "-p",
            "xdist.looponfail",
            "-p",
            "xdist",
            *PLUGIN,
            "-f",
        ],
        cwd=suite,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONUNBUFFERED": "1",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        try:
            for line in process.stdout:
                lines.append(line)
                if "waiting for changes" in line.lower():
                    break
        finally:
            process.send_signal(signal.SIGINT)
        text = "".join(lines)
    assert "9 passed" in text
    assert "fastcollect-meta: " not in text


def test_shards(suite: Path) -> None:
    """The same tests in a shard as without pytest-xdist, and as the program says; durations under the tests' own ids."""
    with_plugin(suite, "--collect-only", "-q")
    (manifest,) = (suite / ".pytest_cache/d/fastcollect-meta").glob("*.manifest")
    program = str(binaries.coordinator())

    def check_shards() -> None:
        for index in ("1/2", "2/2"):
            shard = [program, "shard", f"--manifest={manifest}", index]
            listed = subprocess.run(shard, cwd=suite, capture_output=True, text=True, check=True)
            plugin = with_plugin(suite, "-n", "2", "--dist=loadgroup", f"--shard={index}")
            ids = sorted(re.sub("@together$", "", id) for id in plugin.ids)
            assert ids and ids == sorted(listed.stdout.splitlines())
            assert plugin.counts("workers") == {"prepared": 10}

    check_shards()
    # put together, the durations of these shards are what the next ones are planned by
    subprocess.run([program, "merge", "-o", str(manifest)], cwd=suite, check=True)
    check_shards()


def test_hooks_that_are_replayed(suite: Path) -> None:
    """What a hook did in a worker is done again by those of the next run, which import nothing for it."""
    (suite / "pytest.ini").write_text(
        "[pytest]\nfastcollect_meta_hooks = replay: conftest.py::pytest_collection_modifyitems\n"
    )
    write(
        suite,
        {
            "conftest.py": """
                import os, pytest
                from pathlib import Path
                def pytest_collection_modifyitems(items):
                    if hasattr(items[0].config, "workerinput"):
                        with open(Path(__file__).with_name("called"), "a") as file:
                            file.write("x")
                    items.sort(key=lambda item: (item.obj.__doc__ or "", item.nodeid), reverse=True)
                    for item in items:
                        item.add_marker(pytest.mark.xdist_group(item.obj.__name__))
            """,
        },
    )
    called = suite / "called"  # a letter for each call in a worker
    native, plugin = run_both(suite, "-n", "2", "--dist", "loadgroup", "-W", "ignore")
    assert_same(native, plugin)
    # the slower worker may already find what the other one has kept
    calls = called.read_text()
    assert calls in ("xxx", "xxxx")
    for _ in range(2):
        again = with_plugin(suite, "-n", "2", "--dist", "loadgroup", "-W", "ignore")
        assert_same(native, again)
        assert again.imported_when_collected() == set()
        assert called.read_text() == calls


# What goes wrong


def test_a_worker_that_crashes_is_replaced(suite: Path) -> None:
    write(
        suite,
        {
            "test_crash.py": """
                import os
                def test_before(): pass
                def test_crash(): os._exit(3)
                def test_after(): pass
            """
        },
    )
    native, plugin = run_both(suite, "-n", "2", "--max-worker-restart=2")
    assert_same(native, plugin)
    assert ("test_crash.py::test_crash", "???", "failed") in plugin.outcomes
    assert set(plugin.workers) == {"gw0", "gw1", "gw2"}
    native, plugin = run_both(suite, "-n", "2", "--max-worker-restart=0")
    assert "worker restarting disabled" in plugin.out
    assert plugin.status == native.status


def test_an_import_that_crashes_costs_no_worker(suite: Path) -> None:
    write(suite, {"test_dies.py": "import os\nos.kill(os.getpid(), 9)\n"})
    plugin = with_plugin(suite, "-n", "2")
    assert plugin.workers == ["gw0", "gw1"]
    assert ("test_dies.py", "failed") in plugin.errors
    assert plugin.counts("prepared") == {"failed": 1, "farm": 5}
    assert "node down" not in plugin.out


def test_collection_errors(suite: Path) -> None:
    write(suite, {"test_broken.py": "import not_there_at_all\n"})
    native, plugin = run_both(suite, "-n", "2", "-v")
    assert_same(native, plugin)
    assert ("test_broken.py", "failed") in plugin.errors
    assert plugin.counts("workers") == {"natively": 2, "prepared": 10}
    assert "2 x collection-error" in plugin.out


def test_stops_at_the_first_failure(suite: Path) -> None:
    native, plugin = run_both(suite, "-n", "1", "-x")
    assert plugin.status == native.status
    assert plugin.outcomes == native.outcomes


def test_tests_that_differ(suite: Path) -> None:
    write(
        suite,
        {
            "test_other.py": """
                import os
                if os.path.exists(os.environ["OTHER"]):
                    def test_new(): pass
                else:
                    def test_old(): pass
            """
        },
    )
    marker = suite.parent / "marker"
    write(
        suite,
        {
            "conftest.py": f"""
                import os
                def pytest_collection_finish(session):
                    if hasattr(session.config, "workerinput"):
                        open({str(marker)!r}, "w").close()
            """
        },
    )
    env = {"OTHER": str(marker)}
    plugin = with_plugin(suite, "-n", "2", "--dist", "loadfile", env=env)
    assert plugin.status == 2
    assert "test_other.py differ from its metadata" in plugin.out
    assert ("test_other.py::test_old", "setup", "failed") in plugin.outcomes
    again = with_plugin(suite, "-n", "2", "--collect-report", env=env)
    assert "2 x depends-on-order" in again.out
    assert "test_other.py::test_new" in again.ids


# What the controller doesn't know


def test_a_new_file_is_prepared_in_the_next_run(suite: Path) -> None:
    with_plugin(suite, "-n", "2")
    write(suite, {"test_new.py": "import time; time.sleep(0.8)\ndef test_new(): pass\n"})
    first = with_plugin(suite, "-n", "2", "--collect-report")
    assert first.counts("prepared") == {"manifest": 5}
    assert first.counts("workers") == {"natively": 2, "prepared": 10}
    assert "2 x not-prepared" in first.out
    second = with_plugin(suite, "-n", "2")
    assert second.counts("prepared") == {"farm": 1, "manifest": 5}
    assert second.counts("workers") == {"prepared": 12}
    # a plain run takes such a file for one that it doesn't know
    write(suite, {"test_newer.py": "def test_newer(): pass\n"})
    with_plugin(suite, "-n", "2")
    plain = run(suite, "-p", "xdist", *PLUGIN)
    assert "(1 here, 6 manifest)" in plain.out, plain.out


def test_counts_what_belongs_to_the_run(suite: Path) -> None:
    with_plugin(suite, "-n", "2")
    (suite / "test_plain.py").write_text("def test_changed(): pass\n")
    plugin = with_plugin(suite, "-n", "2", "-v", "test_plain.py", "test_classes.py")
    assert plugin.counts("prepared") == {"manifest": 1}
    assert plugin.counts("workers") == {"natively": 2, "prepared": 2}
    assert "test_plain.py: content changed" in plugin.out
    assert "test_plain.py::test_changed" in plugin.ids


def test_what_depends_on_the_worker_is_collected_there(suite: Path) -> None:
    write(
        suite,
        {
            "test_worker.py": """
                import os, pytest
                here = "PYTEST_XDIST_WORKER" in os.environ
                @pytest.mark.parametrize("here", [here])
                def test_here(here): assert here
            """
        },
    )
    native, plugin = run_both(suite, "-n", "2")
    assert_same(native, plugin)
    assert "test_worker.py::test_here[True]" in plugin.ids
    assert plugin.counts("workers") == {"natively": 2, "prepared": 10}


def test_the_size_of_the_terminal(suite: Path) -> None:
    """readline, which pytest 9 loads, sets these variables for the workers, and not for the controller itself."""
    write(
        suite,
        {
            "test_size.py": """
                import os, pytest, shutil
                width = f"{shutil.get_terminal_size()} {os.environ.get('COLUMNS')}"
                @pytest.mark.parametrize("width", [width])
                def test_width(width): pass
            """
        },
    )
    for env in ({}, {"COLUMNS": "132"}):
        native, plugin = run_both(suite, "-n", "2", "-p", "no:cacheprovider", env=env)
        assert_same(native, plugin)
        counts = plugin.counts("workers")
        # before pytest 9 the controller's value may not be the workers', which then collect that file natively
        natively = pytest.version_tuple < (9,) and counts == {"natively": 2, "prepared": 10}
        assert counts == {"prepared": 12} or natively, counts
        assert any("test_width" in id and env.get("COLUMNS", "") in id for id in plugin.ids)


def test_variables_that_the_controller_sets(suite: Path) -> None:
    """Workers are started with them; runs that aren't distributed keep records of their own."""
    write(
        suite,
        {
            "conftest.py": """
                import os, time
                os.environ["SETTINGS"] = "of the project"
                os.environ["RANDOM"] = str(time.time_ns())
            """,
            "test_settings.py": """
                import os, pytest
                @pytest.mark.parametrize("settings", [os.environ["SETTINGS"]])
                def test_settings(settings): pass
            """,
        },
    )
    native, plugin = run_both(suite, "-n", "2")
    assert_same(native, plugin)
    assert plugin.counts("prepared") == {"farm": 6}
    assert plugin.counts("workers") == {"prepared": 12}
    plain = run(suite, "-p", "xdist", *PLUGIN)
    assert "fastcollect-meta: 6 files (6 farm)" in plain.out
    again = with_plugin(suite, "-n", "2")
    assert_same(native, again)
    assert again.counts("prepared") == {"manifest": 6}
    assert again.counts("workers") == {"prepared": 12}
    plain = run(suite, "-p", "xdist", *PLUGIN)
    assert "fastcollect-meta: 6 files (6 manifest)" in plain.out


def test_registrars_of_the_manifest(suite: Path) -> None:
    """A farm that collects what has changed learns which of the unchanged files are registrars."""
    write(
        suite,
        {
            "registry.py": "known = []\n",
            "test_a_adds.py": """
                import registry
                registry.known.append("added")
                def test_adds(): pass
            """,
            "test_b_sees.py": """
                import pytest, registry, time
                time.sleep(1)
                @pytest.mark.parametrize("name", registry.known)
                def test_sees(name): pass
            """,
        },
    )
    with_plugin(suite, "-n", "2")
    sees = suite / "test_b_sees.py"
    sees.write_text(sees.read_text() + "def test_more(): pass\n")
    native, plugin = run_both(suite, "-n", "2")
    assert_same(native, plugin)
    assert plugin.counts("prepared") == {"farm": 1, "manifest": 6}
    assert plugin.counts("workers") == {"prepared": 14}
    assert "test_b_sees.py::test_sees[added]" in plugin.ids


def test_hash_seeds_of_workers_differ(suite: Path) -> None:
    """Natively the workers disagree on the order of such tests, and nothing runs."""
    names = ", ".join(repr(f"name{number}") for number in range(20))
    write(
        suite,
        {
            "test_set.py": f"""
                import pytest
                @pytest.mark.parametrize("name", {{{names}}})
                def test_name(name): pass
            """
        },
    )
    plugin = with_plugin(suite, "-n", "2")
    hashes = {plugin.seen[f"{name}-collected"]["hash"] for name in plugin.workers}
    assert len(hashes) == 2
    assert sum("test_set.py" in id for id in plugin.ids) == 20
    assert plugin.status == 1  # of the suite's own failing test
    assert sum("test_set.py" in id and when == "call" for id, when, _ in plugin.outcomes) == 20


# Other interpreters and other machines


def wrapper(folder: Path, text: str) -> Path:
    """A program that starts this interpreter in another way."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_an_interpreter_with_other_options(suite: Path, tmp_path: Path) -> None:
    python = wrapper(tmp_path, f'exec "{sys.executable}" -O "$@"')
    args = ("--dist=load", "--tx", "popen", "--tx", f"popen//python={python}")
    native, plugin = run_both(suite, *args)
    assert_same(native, plugin)
    assert "gw1 stood aside: its interpreter" in plugin.out
    assert plugin.counts("workers") == {"prepared": 5}


def test_an_interpreter_that_we_are_not_built_for(suite: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.startswith('fastcollect_meta._') and not name.endswith('_version'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    python = wrapper(tmp_path, f'PYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"')
    args = ("--dist=load", "--tx", "popen", "--tx", f"popen//python={python}")
    native, plugin = run_both(suite, *args)
    assert_same(native, plugin)
    assert "gw1 stood aside: its extension modules were not built for this Python" in plugin.out
    assert plugin.counts("workers") == {"prepared": 5}


@contextlib.contextmanager
def socket_server(folder: Path, env: dict[str, str]) -> Iterator[str]:
    """Address of execnet's socket server on this machine, which runs in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "execnet.script.socketserver", "127.0.0.1:0"],
        cwd=folder,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        found = re.search(r"'127\.0\.0\.1', (\d+)", server.stdout.readline())
        assert found is not None
        try:
            yield f"socket=127.0.0.1:{found[1]}"
        finally:
            server.kill()


@contextlib.contextmanager
def ssh_server(folder: Path, env: dict[str, str]) -> Iterator[str]:
    """Address of an OpenSSH server of its own on this machine, for this user and one key."""
    sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if sshd is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
        pytest.skip("OpenSSH's client or server is not installed")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    folder = folder / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
        )
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized\nUsePAM no\nPasswordAuthentication no\n"
    )
    (folder / "ssh_config").write_text(
        f"Host elsewhere\n HostName 127.0.0.1\n Port {port}\n User {getpass.getuser()}\n"
        f" IdentityFile {folder}/user\n IdentitiesOnly yes\n StrictHostKeyChecking no\n"
        f" UserKnownHostsFile {folder}/known\n BatchMode yes\n LogLevel ERROR\n"
    )
    exports = "".join(f"export {name}='{value}'\n" for name, value in env.items())
    python = wrapper(folder, f'{exports}exec "{sys.executable}" "$@"')
    with subprocess.Popen(
        [sshd, "-D", "-e", "-f", str(folder / "sshd_config")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        try:
            said = server.stderr.readline()
            assert "listening" in said, said
            yield f"ssh=elsewhere//ssh_config={folder}/ssh_config//python={python}"
        finally:
            server.terminate()


@pytest.fixture(params=["socket", "ssh"])
def gateway(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """What execnet is told to reach an interpreter that is no child of the controller."""
    env = {
        "XDIST_PROBE": str(tmp_path),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [PROBES, os.environ.get("PYTHONPATH", "")])),
    }
    for name in ("LANG", "LC_ALL", "LC_CTYPE", "TZ"):  # ssh brings none of them
        if name in os.environ:
            env[name] = os.environ[name]
    with {"socket": socket_server, "ssh": ssh_server}[request.param](tmp_path, env) as address:
        yield address


@pytest.mark.unsanitized(
    "with a sanitizer's runtime in it ssh closes its connection, execnet's server too early"
)
@pytest.mark.parametrize("same_paths", [True, False])
def test_a_gateway_to_another_machine(
    suite: Path, tmp_path: Path, gateway: str, same_paths: bool
) -> None:
    elsewhere = tmp_path if same_paths else tmp_path / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    args = ("--dist=load", "--tx", "popen", "--tx", f"{gateway}//chdir={elsewhere}")
    args += (f"--rsyncdir={suite}", f"--manifest={tmp_path / 'manifest'}", str(suite))
    plugin = with_plugin(tmp_path, *args, "-W", "ignore", "-v")
    if same_paths:
        # xdist has put pytest itself there, where it is found first: now both find the same
        assert "differs-in-worker" in plugin.out
        (tmp_path / "manifest").unlink()
        plugin = with_plugin(tmp_path, *args, "-W", "ignore", "-v")
    assert plugin.status == 1, plugin.out
    there = json.loads((tmp_path / "gw1-collected.json").read_text())
    assert there["ids"] == plugin.ids
    assert there["rootdir"] == str(elsewhere / "suite")
    if same_paths:
        assert plugin.counts("workers") == {"prepared": 10}, plugin.out
    else:
        assert "gw1 stood aside: its root directory is" in plugin.out
        assert plugin.counts("workers") == {"prepared": 5}
