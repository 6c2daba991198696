"""With pytest-xdist: the controller prepares, its workers build lazy items and import what they run."""

from __future__ import annotations

from pathlib import Path

import pytest
from distributed import PLUGIN, Run, run, run_both
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
        lines = text.splitlines()
        path.write_text("\n".join(line[8:] for line in lines) + "\n")


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
