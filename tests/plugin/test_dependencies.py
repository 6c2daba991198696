"""The dependency recorder, on small projects and on networkx and pandas, in interpreters of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pytest
from fastcollect_meta import environment

SUPPORT = Path(__file__).parents[1] / "support"


class Recorded:
    """What one run of pytest recorded."""

    def __init__(self, project: Path, data: dict[str, Any]) -> None:
        self.project = project
        self.data = data

    def of(self, file: str) -> dict[str, Any]:
        found: dict[str, Any] = self.data["files"][str(self.project / file)]
        return found

    @property
    def base(self) -> dict[str, Any]:
        found: dict[str, Any] = self.data["base"]
        return found

    def own(self, file: str, kind: str = "files") -> set[str]:
        """Paths within the project, relative to it."""
        prefix = str(self.project) + "/"
        return {
            path.removeprefix(prefix) for path in self.of(file)[kind] if path.startswith(prefix)
        }

    def variables(self, file: str) -> dict[str, str]:
        found = self.of(file)
        return dict(zip(found["env_names"], found["env_values"], strict=True))


class Project:
    """A folder with a test suite."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write({"pytest.ini": "[pytest]\n"})

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def record(self, *args: str, check: bool = True, **variables: str) -> Recorded:
        answer = self.folder.parent / "answer.json"
        answer.unlink(missing_ok=True)
        environ = {**os.environ, "RECORDING_TO": str(answer), **variables}
        path = [str(SUPPORT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environ["PYTHONPATH"] = os.pathsep.join(path)
        environ.pop("PYTEST_ADDOPTS", None)
        environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        options = "-p recording -p no:cacheprovider --collect-only -q".split()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *args],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return Recorded(self.folder, json.loads(answer.read_text()))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder)


PASSES = "\ndef test_it(): pass\n"


def code(text: str) -> str:
    return textwrap.dedent(text)


def test_shared_module_reaches_every_file(project: Project) -> None:
    """A helper that is loaded already opens nothing, and still counts, with what it read."""
    project.write(
        {
            "helper.py": "import pathlib, deeper\npathlib.Path(__file__).with_name('data.json').read_text()",
            "deeper.py": "import os\nos.listdir(os.path.dirname(__file__) + '/folder')",
            "data.json": "{}",
            "folder/a.txt": "",
            "test_a.py": "import helper" + PASSES,
            "test_b.py": "from helper import deeper" + PASSES,
            "test_c.py": PASSES,
        }
    )
    recorded = project.record()
    for name in ("test_a.py", "test_b.py"):
        assert recorded.own(name) == {name, "helper.py", "deeper.py", "data.json"}
        assert recorded.own(name, "directories") == {"folder"}
    assert recorded.own("test_c.py") == {"test_c.py"}


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_packages_and_modes(project: Project, mode: str) -> None:
    project.write(
        {
            "tests/__init__.py": "import shared",
            "tests/base.py": "from . import relative",
            "tests/relative.py": "",
            "tests/test_a.py": "from .base import relative" + PASSES,
            "tests/sub/__init__.py": "",
            "tests/sub/test_b.py": "from ..test_a import test_it as it" + PASSES,
            "lib/shared.py": "",
        }
    )
    recorded = project.record(f"--import-mode={mode}", "-o", "pythonpath=lib .")
    package = {"tests/__init__.py", "lib/shared.py"}
    modules = {"tests/base.py", "tests/relative.py", "tests/test_a.py"}
    assert recorded.own("tests/test_a.py") == package | modules
    assert recorded.own("tests/sub/test_b.py") == package | modules | {
        "tests/sub/__init__.py",
        "tests/sub/test_b.py",
    }


def test_ways_to_import(project: Project) -> None:
    """Each of them in a second file, where the module is there already."""
    ways = {
        "import_module": "import importlib\nimportlib.import_module('pack.part')",
        "relative": "import importlib\nimportlib.import_module('.part', 'pack')",
        "builtin": "__import__('pack.part')",
        "keywords": "__import__(name='pack.part', level=0)",
        "listed": "from pack import part",
        "star": "from pack import *",
        "attribute": "import pack\npack.part",
        "lazy": "import lazy\nlazy.part",
        "in_function": "def f():\n    import pack.part\nf()",
        "exec": "exec('import pack.part')",
        "reload": "import importlib, other\nimportlib.reload(other)",
        "find_spec": "import importlib.util\nimportlib.util.find_spec('pack.part')",
        "importorskip": "import pytest\npytest.importorskip('pack.part')",
        "c": "import pickle\npickle.loads(b'cpack.part\\nX\\n.')",
    }
    project.write(
        {
            "pack/__init__.py": "__all__ = ['part']",
            "pack/part.py": "X = 1",
            "other.py": "import pack.part",
            "lazy.py": "def __getattr__(name):\n    import importlib\n"
            "    globals()[name] = value = importlib.import_module('pack.' + name)\n    return value",
            "test_0.py": "import lazy, pack.part\nlazy.part" + PASSES,
            **{f"test_{name}.py": code + PASSES for name, code in ways.items()},
        }
    )
    recorded = project.record()
    for name in ways:
        assert "pack/part.py" in recorded.own(f"test_{name}.py"), name
        assert "pack/__init__.py" in recorded.own(f"test_{name}.py"), name
        assert "test_0.py" not in recorded.own(f"test_{name}.py"), name


def test_odd_modules(project: Project) -> None:
    project.write(
        {
            "space/part.py": "",
            "selfmade.py": "import sys, inner\nclass Other: pass\nsys.modules[__name__] = Other()",
            "inner.py": "",
            "loaded.txt": "import inner",
            "byhand.py": code("""
                import importlib.machinery, importlib.util, pathlib
                path = str(pathlib.Path(__file__).with_name('loaded.txt'))
                loader = importlib.machinery.SourceFileLoader('loaded', path)
                spec = importlib.util.spec_from_loader('loaded', loader)
                loader.exec_module(importlib.util.module_from_spec(spec))
                """),
            "test_0.py": "import space.part, selfmade, byhand, zipped" + PASSES,
            "test_space.py": "import space.part" + PASSES,
            "test_self.py": "import selfmade" + PASSES,
            "test_hand.py": "import byhand" + PASSES,
            "test_zip.py": "import zipped" + PASSES,
            "test_extension.py": "import _decimal" + PASSES,
        }
    )
    with zipfile.ZipFile(project.folder / "lib.zip", "w") as archive:
        archive.writestr("zipped.py", "import inner")
    recorded = project.record("-o", "pythonpath=lib.zip")
    assert recorded.own("test_space.py") == {"test_space.py", "space/part.py"}
    assert "space/__init__.py" in recorded.own("test_space.py", "absent")
    assert recorded.own("test_self.py") == {"test_self.py", "selfmade.py", "inner.py"}
    assert recorded.own("test_hand.py") == {"test_hand.py", "byhand.py", "loaded.txt", "inner.py"}
    assert recorded.own("test_zip.py") == {"test_zip.py", "lib.zip", "inner.py"}
    assert any("_decimal" in Path(path).name for path in recorded.of("test_extension.py")["files"])


def test_what_must_stay_absent(project: Project) -> None:
    project.write(
        {
            "first/keep.txt": "",
            "second/found.py": "",
            "test_a.py": "import found\ntry:\n    import nowhere\nexcept ImportError:\n    pass"
            + PASSES,
            "test_b.py": "import importlib.util\nimportlib.util.find_spec('elsewhere')" + PASSES,
            "test_c.py": "try:\n    open('missing.txt')\nexcept OSError:\n    pass" + PASSES,
            "test_d.py": PASSES,
        }
    )
    recorded = project.record("-o", "pythonpath=first second")
    absent = recorded.own("test_a.py", "absent")
    assert {"first/found.py", "first/found/__init__.py", "second/found/__init__.py"} <= absent
    assert {"first/nowhere", "second/nowhere.py", "nowhere.py", "test_a/__init__.py"} <= absent
    assert {"conftest.py", "__init__.py"} <= absent
    everywhere = recorded.of("test_a.py")["absent"]
    assert any(path.endswith("site-packages/nowhere") for path in everywhere)
    assert {"elsewhere", "elsewhere.py", "first/elsewhere"} <= recorded.own("test_b.py", "absent")
    assert "missing.txt" in recorded.own("test_c.py", "absent")
    assert not any("where" in path for path in recorded.own("test_d.py", "absent"))


def test_conftests_belong_to_what_is_below(project: Project) -> None:
    project.write(
        {
            "conftest.py": "import for_all",
            "a/conftest.py": "import for_a\nimport os\nos.environ.get('ONLY_A')",
            "a/deep/test_a.py": PASSES,
            "b/test_b.py": PASSES,
            "lib/for_all.py": "",
            "lib/for_a.py": "",
        }
    )
    recorded = project.record("-o", "pythonpath=lib")
    everyones = {"conftest.py", "lib/for_all.py"}
    assert recorded.own("a/deep/test_a.py") == everyones | {
        "a/deep/test_a.py",
        "a/conftest.py",
        "lib/for_a.py",
    }
    assert recorded.own("b/test_b.py") == everyones | {"b/test_b.py"}
    assert "b/conftest.py" in recorded.own("b/test_b.py", "absent")
    assert "a/deep/conftest.py" in recorded.own("a/deep/test_a.py", "absent")
    assert "ONLY_A" in recorded.variables("a/deep/test_a.py")
    assert "ONLY_A" not in recorded.variables("b/test_b.py")
    base = {Path(path).name for path in recorded.base["files"]}
    assert base.isdisjoint({"conftest.py", "for_all.py", "for_a.py", "test_a.py", "test_b.py"})
    assert "pytest.ini" in base


def test_variables(project: Project) -> None:
    project.write(
        {
            "memo.py": code("""
                import functools, os
                @functools.lru_cache
                def setting():
                    return os.environ.get('MEMO')
                """),
            "test_get.py": "import os, memo\nmemo.setting()\n"
            "os.environ.get('UNSET'), os.environ['SET'], 'IN' in os.environ, os.getenv('GETENV')"
            + PASSES,
            "test_memo.py": "import memo\nmemo.setting()" + PASSES,
            "test_own.py": "import os\nos.environ['OWN'] = 'x'\nos.environ['SET'] = 'y'\n"
            "os.environ['SET']" + PASSES,
            "test_bytes.py": "import os\nos.environb.get(b'BYTES')" + PASSES,
            "test_copy.py": "import os\nos.environ.copy()" + PASSES,
            "test_prefix.py": code("""
                import os
                found = {key: value for key, value in os.environ.items() if key.startswith('MY_')}
                for name in os.environ:
                    if name.startswith(('ONE_', 'TWO_')):
                        found[name] = os.environ[name]
                """)
            + PASSES,
            "test_patch.py": "import os\nfrom unittest import mock\n"
            "with mock.patch.dict(os.environ, A='1'):\n    pass" + PASSES,
            "test_none.py": PASSES,
        }
    )
    recorded = project.record(SET="value", MY_X="1")
    got = recorded.variables("test_get.py")
    assert got == {"UNSET": "", "SET": "=value", "IN": "", "GETENV": "", "MEMO": ""}
    assert recorded.variables("test_memo.py") == {"MEMO": ""}
    assert recorded.variables("test_own.py") == {"SET": "=value"}
    assert recorded.variables("test_bytes.py") == {"BYTES": ""}
    assert set(recorded.variables("test_copy.py")) == {"*"}
    prefixes = recorded.variables("test_prefix.py")
    assert set(prefixes) == {"MY_*", "ONE_*", "TWO_*"}
    assert not {"*", "PATH", "HOME"} & set(recorded.variables("test_patch.py"))
    assert recorded.variables("test_none.py") == {}

    again = project.record(SET="value", MY_X="2", SHLVL="77")
    assert again.variables("test_prefix.py")["MY_*"] != prefixes["MY_*"]
    assert again.variables("test_prefix.py")["ONE_*"] == prefixes["ONE_*"]
    assert again.variables("test_copy.py") != recorded.variables("test_copy.py")
    same = project.record(SET="value", MY_X="1", SHLVL="77")
    assert same.variables("test_copy.py") == recorded.variables("test_copy.py")


def test_nobody_keeps_the_size_of_the_terminal(project: Project) -> None:
    project.write(
        {
            "wide.py": "import shutil\ndef width(): return shutil.get_terminal_size().columns",
            "test_asks.py": "import wide\nwide.width()" + PASSES,
            "test_later.py": "import wide" + PASSES,
        }
    )
    recorded = project.record(COLUMNS="100", LINES="30")
    assert recorded.variables("test_asks.py") == {"COLUMNS": "=100", "LINES": "=30"}
    assert recorded.variables("test_later.py") == {}


def test_volatile(project: Project) -> None:
    files = {
        "process": "import subprocess\nsubprocess.run(['true'])",
        "system": "import os\nos.system('true')",
        "helper": "import starts",
        "later": "import starts",
        "socket": "import socket\nwith socket.socket() as s:\n    s.bind(('127.0.0.1', 0))",
        "both": "open('scratch', 'w').close()\nopen('scratch').close()",
        "params": "import subprocess, pytest\n@pytest.mark.parametrize('x', "
        "[subprocess.check_output(['true'])])\ndef test_x(x): pass",
        "writes": "open('only', 'w').close()",
        "calm": "",
        "reads": "open('pytest.ini').close()",
        "scratch": "import os, tempfile\nwith tempfile.TemporaryDirectory() as folder:\n"
        "    path = os.path.join(folder, 'data')\n    open(path, 'w').close()\n"
        "    open(path).close()\n    os.listdir(folder)\n"
        "with tempfile.NamedTemporaryFile('w+') as file:\n    open(file.name).close()",
        "machine": "import subprocess\nsubprocess.run(['uname', '-m'])",
    }
    project.write({f"test_{name}.py": code + PASSES for name, code in files.items()})
    project.write({"starts.py": "import subprocess\nsubprocess.run(['true'])"})
    recorded = project.record()
    calm = {name for name in files if not recorded.of(f"test_{name}.py")["volatile_reason"]}
    assert calm == {"writes", "calm", "reads", "scratch", "machine"}
    assert recorded.own("test_writes.py") == {"test_writes.py"}
    assert recorded.own("test_scratch.py") == {"test_scratch.py"}
    assert recorded.own("test_reads.py") == {"test_reads.py", "pytest.ini"}


def test_a_thread_works_for_the_module_that_is_imported(project: Project) -> None:
    project.write(
        {
            "helper.py": code("""
                import subprocess
                import threading

                def read():
                    open("data").close()

                thread = threading.Thread(target=read)
                thread.start()
                thread.join()
            """),
            "starter.py": code("""
                import subprocess
                import threading

                thread = threading.Thread(target=subprocess.run, args=[["true"]])
                thread.start()
                thread.join()
            """),
            "data": "",
            "test_first.py": "import helper" + PASSES,
            "test_second.py": "import helper" + PASSES,
            "test_starts.py": "import starter" + PASSES,
            "test_starts_too.py": "import starter" + PASSES,
        }
    )
    recorded = project.record()
    for name in ("test_first.py", "test_second.py"):
        assert recorded.own(name) == {name, "helper.py", "data"}
        assert not recorded.of(name)["volatile_reason"]
    for name in ("test_starts.py", "test_starts_too.py"):
        assert recorded.of(name)["volatile_reason"] == "subprocess.Popen"


def test_a_function_may_keep_what_it_read(project: Project) -> None:
    project.write(
        {
            "config.py": code("""
                import functools
                @functools.lru_cache
                def config():
                    with open('config.txt') as file:
                        return file.read()
                """),
            "config.txt": "",
            "test_a.py": "import config\nconfig.config()" + PASSES,
            "test_b.py": "import config\nconfig.config()" + PASSES,
            "test_c.py": PASSES,
        }
    )
    recorded = project.record()
    assert "config.txt" in recorded.own("test_a.py")
    assert "config.txt" in recorded.own("test_b.py")
    assert "config.txt" not in recorded.own("test_c.py")


def test_options_key(project: Project) -> None:
    project.write({"test_a.py": PASSES, "sub/test_b.py": PASSES, "conftest.py": ""})
    key = project.record().data["key"]
    same: list[list[str]] = [
        ["-k", "it"],
        ["-v"],
        ["sub"],
        ["--maxfail=3"],
        ["-rA"],
        ["-o", "addopts=-v"],
    ]
    for args in same:
        assert project.record(*args).data["key"] == key, args
    other: list[list[str]] = [
        ["--import-mode=importlib"],
        ["-W", "error::ImportWarning"],
        ["-s"],
        ["-o", "python_functions=test it"],
        ["--assert=plain"],
        ["--doctest-modules"],
        ["-p", "pytester"],
        ["--rootdir=.."],
    ]
    for args in other:
        assert project.record(*args).data["key"] != key, args
    assert project.record(PYTHONHASHSEED="5").data["key"] != key
    project.write({"pytest.ini": "[pytest]\nxfail_strict = true\n"})
    assert project.record().data["key"] == key
    project.write({"pytest.ini": "[pytest]\npython_files = test_*.py\n"})
    assert project.record().data["key"] != key


UNCHANGED = """
import os, sys, traceback, types
def show():
    try:
        import broken
    except Exception:
        traceback.print_exc(file=sys.stdout)
    for code in ["import nowhere", "from os import nothing", "__import__('a', 5, level='x')", "__import__()",
                 "import importlib; importlib.import_module('.x')", "os.environ['NO']", "os.environ[5]",
                 "import broken.part", "from . import x", "import importlib; importlib.import_module('broken')"]:
        try:
            exec(compile(code, 'shown', 'exec'), {'os': os})
        except BaseException:
            traceback.print_exc(file=sys.stdout)
    print(type(os.environ), repr(__import__), __import__.__module__, __import__.__name__, type(os.environ._data))
    print(len(os.environ) == len(dict(os.environ)) == len(list(os.environ)))
"""


def test_nothing_looks_different(tmp_path: Path) -> None:
    """Tracebacks have no more frames, errors the same text, the environment the same type."""
    (tmp_path / "show.py").write_text(UNCHANGED)
    (tmp_path / "broken.py").write_text("import deeper")
    (tmp_path / "deeper.py").write_text("1 / 0")

    def run(code: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    plain = run("import show\nshow.show()")
    install = "from fastcollect_meta import dependencies as d\nd.install()\nimport show\n"
    assert run(install + "d.begin('/x')\nshow.show()\nd.end('/x')") == plain
    assert run(install + "d.uninstall()\nshow.show()") == plain
    restored = run(
        "import builtins, importlib._bootstrap as b, _imp\n"
        "def now(): return builtins.__import__, b._gcd_import, b._find_spec, _imp.create_dynamic\n"
        "was = now()\nfrom fastcollect_meta import dependencies as d\n"
        "for _ in range(3):\n    d.install(); assert now() != was; d.uninstall(); assert now() == was\n"
        "print('same')"
    )
    assert restored == "same\n"


def test_importing(tmp_path: Path) -> None:
    (tmp_path / "inner.py").write_text(
        "from fastcollect_meta import dependencies as d\nSEEN = d.importing()"
    )
    (tmp_path / "outer.py").write_text(
        "import inner\nfrom fastcollect_meta import dependencies as d\ndef f(): return d.importing()\nSEEN = f()"
    )
    code = (
        "from fastcollect_meta import dependencies as d\nd.install()\nimport outer, inner\n"
        "print(outer.SEEN, inner.SEEN, d.importing())"
    )
    seen = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert seen == [str(tmp_path / "outer.py"), str(tmp_path / "inner.py"), "None"]


@pytest.mark.parametrize(
    "package, folder, sample",
    [
        ("networkx", "algorithms/tests", 4),
        ("networkx", "readwrite/tests", 3),
        ("pandas", "tests/tseries/offsets", 3),
        ("pandas", "tests/indexes/ranges", 2),
    ],
)
def test_closure_holds_what_a_process_of_its_own_loads(
    tmp_path: Path, package: str, folder: str, sample: int
) -> None:
    """Files collected one after the other in one process: each depends on all that it would load alone."""
    module = pytest.importorskip(package)
    root = Path(module.__file__).parent
    project = Project.__new__(Project)
    project.folder = tmp_path / "project"
    project.folder.mkdir()
    args = ("--rootdir", str(root), "-c", os.devnull, "-p", "no:randomly")
    pytest.importorskip("hypothesis", reason="pandas' conftest needs it")
    together = project.record(*args, str(root / folder), check=False)
    paths = sorted(together.data["files"])
    assert len(paths) >= sample
    for path in paths[:: max(1, len(paths) // sample)][:sample]:
        alone = project.record(*args, path, check=False)
        known = set(together.data["files"][path]["files"]) | set(together.base["files"])
        ours = str(SUPPORT) + "/"
        missing = {
            file
            for file in alone.data["loaded"]
            if file not in known and "/fastcollect_meta/" not in file and not file.startswith(ours)
        }
        assert not missing, (path, sorted(missing))
        others = set(paths) - {path}
        assert not others & set(together.data["files"][path]["files"]), path


def test_a_file_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What iterates over the environment may do so with each request that a test makes."""
    path = tmp_path / "looping.py"
    path.write_text(
        "import os\nnames = [name for name in os.environ if name.startswith('HTTP_')]\n"
    )
    code = compile(path.read_text(), str(path), "exec")
    assert environment.iterated(code, 2) == [b"HTTP_*"]
    path.unlink()
    monkeypatch.setattr("ast.walk", None)
    assert environment.iterated(code, 2) == [b"HTTP_*"]
    assert environment.iterated(code, 1) == [b"*"]
