"""Suites that once came out differently with the plugin, each named after what it was about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from forkserver import ForkServer
from sameness import MODES, differences, load_compare, shared_parity

#: Name -> (files, arguments).
FOUND: dict[str, tuple[dict[str, str], list[str]]] = {
    "packages-of-one-name": (
        {
            "one/two/__init__.py": "",
            "one/two/test_a.py": "def test_a(): pass\n",
            "two/__init__.py": "",
            "two/two/__init__.py": "raise RuntimeError('package')\n",
            "two/two/test_b.py": "def test_b(): pass\n",
        },
        [],
    ),
    "nan-of-a-session-fixture": (
        {
            "conftest.py": """
import pytest

@pytest.fixture(scope="session", params=[float("nan"), (1, float("nan")), "x"])
def value(request):
    return request.param
""",
            "test_a.py": "def test_a(value): pass\ndef test_aa(value): pass\n",
            "test_b.py": "def test_b(value): pass\n",
        },
        ["-v"],
    ),
    "nan-of-module-scope": (
        {
            "test_a.py": """
import pytest

NAN = float("nan")

@pytest.mark.parametrize("value", [NAN, 1, NAN], scope="module")
def test_a(value): pass

@pytest.mark.parametrize("value", [1, NAN, float("nan")], scope="module")
def test_b(value): pass
""",
        },
        ["-v"],
    ),
    "unrepresentable-class": (
        {
            "test_a.py": """
import pytest

class Thing: pass

class TestA:
    @pytest.mark.parametrize("value", [Thing(), len], scope="session")
    def test_a(self, value): pass

def test_b(): pass
""",
        },
        ["-v"],
    ),
    "class-under-two-names": (
        {
            "test_a.py": """
import enum, pytest

class Colour(enum.Enum):
    RED = 1
    BLUE = 2

class TestA:
    @pytest.mark.parametrize("colour", [Colour.RED, Colour.BLUE], scope="class")
    def test_m(self, colour): pass

    @pytest.mark.parametrize("colour", [Colour.RED, Colour.BLUE], scope="class")
    def test_n(self, colour): pass

TestB = TestA
""",
        },
        ["-v"],
    ),
    "kept-duplicates": (
        {
            "test_a.py": """
import enum, pytest

class Colour(enum.Enum):
    RED = 1
    BLUE = 2

@pytest.mark.parametrize("colour", [Colour.RED, Colour.BLUE], scope="session")
def test_a(colour): pass

class TestA:
    @pytest.mark.parametrize("colour", [Colour.BLUE, Colour.RED], scope="class")
    def test_m(self, colour): pass
""",
        },
        ["-v", "--keep-duplicates", ".", "."],
    ),
    "class-marked-before-its-collection": (
        {
            "conftest.py": """
import pytest

def pytest_collectstart(collector):
    if isinstance(collector, pytest.Class):
        assert not collector.own_markers
        collector.add_marker("slow")

def pytest_collection_modifyitems(items):
    for item in items:
        print(item.nodeid, [mark.name for mark in item.iter_markers()], list(item.parent.keywords))
""",
            "pytest.ini": "[pytest]\nmarkers = slow\n",
            "test_a.py": """
import pytest
import unittest

@pytest.mark.parametrize("a,b", [(1, "a"), pytest.param(2, "b", marks=pytest.mark.slow)])
class TestA:
    def test_m(self, a, b): pass

    @pytest.mark.skipif("True", reason="inner")
    class TestInner:
        def test_n(self, a, b): pass

@pytest.mark.skipif("False", reason="no")
class TestUnit(unittest.TestCase):
    def test_u(self): pass
""",
        },
        ["-v", "-rA", "-s"],
    ),
    "renamed-item": (
        {
            "conftest.py": """
def pytest_collection_modifyitems(items):
    for item in items:
        item.name = "renamed"
""",
            "test_a.py": """
import pytest

@pytest.mark.parametrize("value", [1, 2])
def test_a(value): pass
""",
        },
        ["-v", "-rA"],
    ),
}


@pytest.fixture(scope="module")
def compare() -> ModuleType:
    folder = shared_parity()
    if folder is None:
        pytest.skip("compare.py is neither in $FCM_SHARED/parity nor in ../shared/parity")
    return load_compare(folder)


@pytest.fixture(scope="module")
def server(compare: ModuleType) -> Iterator[ForkServer]:
    folder = shared_parity()
    assert folder is not None
    server = ForkServer(folder)
    yield server
    server.close()


@pytest.mark.parametrize("mode", ["here", "farm"])
@pytest.mark.parametrize("name", FOUND)
def test_found(
    name: str, mode: str, tmp_path: Path, compare: ModuleType, server: ForkServer
) -> None:
    files, args = FOUND[name]
    outcomes = []
    for arguments in ((), MODES[mode]):
        folder = tmp_path / "suite"
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        (folder / "order.txt").unlink(missing_ok=True)
        outcomes.append(
            server.run(folder, [*arguments, "-p", "no:cacheprovider", *args], deep=False)
        )
    found = differences(compare, *outcomes, deep=False)
    if found:
        pytest.fail("\n".join(found), pytrace=False)
