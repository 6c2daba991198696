"""VS Code's discovery plugin asks each class for its line when the session is over: no module is imported for that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from inner import pytest_output, write

#: Asks as the function of that name in vscode_pytest does.
PLUGIN = """
import json
import pytest

def get_node_path(node): return str(node.path)
def get_absolute_test_id(nodeid, path): return path + nodeid

def create_class_node(class_module):
    class_line = ""
    try:
        if hasattr(class_module, "obj"):
            import inspect
            _, lineno = inspect.getsourcelines(class_module.obj)
            class_line = str(lineno)
    except (OSError, TypeError):
        pass
    return {"name": class_module.name, "id_": class_module.nodeid, "lineno": class_line}

def pytest_sessionfinish(session):
    found = []
    for item in session.items:
        found.append([item.nodeid, item.location[1], hasattr(item, "callspec")])
        node = item.parent
        while isinstance(node, pytest.Class):
            found.append(create_class_node(node))
            node = node.parent
    with open("tree.json", "w") as file:
        json.dump(found, file)
"""
SUITE = """
import functools
import unittest
import pytest
import helper
from helper import TestElsewhere

def decorated(cls): return cls

@decorated
@pytest.mark.parametrize("x", [1, 2])
class TestDecorated:
    def test_a(self, x): pass
    class TestInner:
        def test_b(self, x): pass

class TestCase(unittest.TestCase):
    def test_c(self): pass

def make():
    class TestLocal:
        def test_d(self): pass
    return TestLocal

TestLocal = make()
TestMade = type("TestMade", (TestDecorated,), {})

class TestTwice:
    def test_e(self): pass

class TestTwice:
    def test_f(self): pass

class Wrapped:
    def test_g(self): pass

@functools.wraps(Wrapped, updated=())
class TestWrapping:
    def test_h(self): pass
"""


def tree(folder: Path, *args: str, plugin: bool = True) -> tuple[Any, str]:
    said = pytest_output(folder, "-p", "vscode_pytest", "--co", "-q", *args, plugin=plugin)
    return json.loads((folder / "tree.json").read_text()), said


def make(folder: Path, plugin: str = PLUGIN, suite: str = SUITE) -> None:
    helper = "\n\nclass TestElsewhere:\n    def test_z(self): pass\n"
    write(folder, vscode_pytest=plugin, test_one=suite, helper=helper)
    write(folder, **{"pytest.ini": "[pytest]\npythonpath = .\n"})


def test_lines_are_those_of_inspect(tmp_path: Path) -> None:
    make(tmp_path)
    native, _ = tree(tmp_path, plugin=False)
    assert {one["lineno"] for one in native if isinstance(one, dict)} >= {"", "10"}
    for _ in range(2):
        assert tree(tmp_path)[0] == native


def test_nothing_is_imported_for_them(tmp_path: Path) -> None:
    make(
        tmp_path,
        suite=SUITE.partition("from helper")[0] + "class TestA:\n    def test(self): pass\n",
    )
    for _ in range(2):
        found, said = tree(tmp_path)
        assert [one["lineno"] for one in found if isinstance(one, dict)] == ["6"]
        assert ", 0 imported here since" in said


def test_another_plugin_of_that_name_gets_the_class(tmp_path: Path) -> None:
    asking = PLUGIN.replace("str(lineno)", "class_module.obj.__name__ + str(lineno)")
    make(tmp_path, asking)
    native, _ = tree(tmp_path, plugin=False)
    found, said = tree(tmp_path)
    assert found == native
    assert ", 1 imported here since" in said


@pytest.mark.parametrize("pipe", ["one", "two"])
def test_its_pipe_is_no_dependency(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pipe: str
) -> None:
    make(tmp_path, "import os\nos.getenv('TEST_RUN_PIPE')\n" + PLUGIN)
    tree(tmp_path)
    monkeypatch.setenv("TEST_RUN_PIPE", pipe)
    assert "(1 manifest)" in tree(tmp_path)[1]
