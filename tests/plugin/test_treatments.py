"""How hooks are declared, and what becomes of what a record can't hold."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from fastcollect_meta import adapters
from fastcollect_meta.treatments import Treatment, parse_declaration
from inner import pytest_output, write

PLAIN = "def test_a():\n    'doc'\n\n\ndef test_b():\n    pass\n"
HOOK = """
def pytest_collection_modifyitems(items):
    for item in items:
        if item.function.__doc__:
            {effect}
"""
PER_FILE = "per-file: conftest.py::pytest_collection_modifyitems"
INI = f"[pytest]\nfastcollect_meta_hooks =\n    {PER_FILE}\n"


def test_declarations_are_read() -> None:
    declared = parse_declaration(" per-file:  a/conftest.py::pytest_itemcollected ", "here")
    assert (declared.plugin, declared.hook) == ("a/conftest.py", "pytest_itemcollected")
    assert declared.treatment is Treatment.PER_FILE
    assert declared.id == "a/conftest.py::pytest_itemcollected"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "conftest.py::pytest_collection_modifyitems",
        "sometimes: conftest.py::pytest_collection_modifyitems",
        "per-file: conftest.py",
        "per-file: conftest.py::pytest_runtest_setup",
        "per-file: ::pytest_itemcollected",
        "replay: conftest.py::pytest_itemcollected",
    ],
)
def test_lines_that_make_no_sense_are_usage_errors(tmp_path: Path, line: str) -> None:
    with pytest.raises(pytest.UsageError, match="the ini file"):
        parse_declaration(line, "the ini file")


def test_a_wrong_line_ends_pytest_with_one_line(tmp_path: Path) -> None:
    write(tmp_path, test_one=PLAIN)
    said = pytest_output(tmp_path, "-o", "fastcollect_meta_hooks=never: a::b", status=4)
    assert "ERROR: fastcollect_meta_hooks: expected TREATMENT: PLUGIN::HOOK" in said
    assert "Traceback" not in said


def test_an_adapter_out_of_its_versions_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = adapters.InstalledVersion("some-distribution", "1.2", "3")
    adapter = adapters.Adapter("plugin", versions, {})
    for version, fits in (("1.1.9", 0), ("1.2", 1), ("2.99.1", 1), ("3.0", 0), ("", 0)):
        monkeypatch.setattr(adapters, "version_of", lambda name, version=version: version)
        assert adapters.adapter_fits(adapter) is bool(fits), version


def test_the_version_that_a_module_says_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = adapters.LoadedVersion("module_of_no_distribution", "1.2", "3")
    assert not versions.fits()
    module = ModuleType("module_of_no_distribution")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for version, fits in (("1.1", False), ("2.0b1", True), ("3", False), (None, False)):
        module.__dict__["__version__"] = version
        assert versions.fits() is fits, version


def test_a_declared_hook_is_served_without_an_import(tmp_path: Path) -> None:
    write(tmp_path, conftest=HOOK.format(effect="item.add_marker('doc')"), test_one=PLAIN)
    write(tmp_path, **{"pytest.ini": INI})
    for _ in range(2):
        said = pytest_output(tmp_path, "--co", "-q", "-m", "doc", "--explain-imports")
        assert "test_one.py::test_a" in said
        assert "test_one.py::test_b" not in said
        assert "no module was imported before its tests ran" in said


def test_another_plugin_declares_its_hook(tmp_path: Path) -> None:
    declaring = (
        "import pytest\n"
        "@pytest.hookimpl(optionalhook=True)\n"
        "def pytest_fastcollect_meta_hooks(config):\n"
        "    return ['per-file: marking::pytest_collection_modifyitems']\n"
    )
    write(tmp_path, marking=declaring + HOOK.format(effect="item.add_marker('doc')"))
    write(tmp_path, test_one=PLAIN)
    said = pytest_output(tmp_path, "-p", "marking", "--co", "-q", "-m", "doc", "--explain-imports")
    assert "1/2 tests collected" in said
    assert "no module was imported before its tests ran" in said
    assert "1/2" in pytest_output(
        tmp_path, "-p", "marking", "--co", "-q", "-m", "doc", plugin=False
    )


MANY = """
def pytest_collection_modifyitems(items):
    for item in list(items):
        if item.function.__doc__:
            effects[item.path.stem](items, item)

def removes_marks(items, item):
    item.own_markers.clear()

def renames(items, item):
    item.name = "other"

def sets_a_keyword(items, item):
    item.keywords["value"] = 3

def adds(items, item):
    items.append(type(item).from_parent(item.parent, name="test_b"))

def stays(items, item):
    item.add_marker("fine")

effects = {name: value for name, value in list(globals().items()) if not name.startswith("pytest")}
"""


def test_what_a_record_cannot_hold_goes_the_native_way(tmp_path: Path) -> None:
    names = ("removes_marks", "renames", "sets_a_keyword", "adds", "stays")
    tests = "import pytest\n\n@pytest.mark.xfail\n" + PLAIN
    write(tmp_path, conftest=MANY, **dict.fromkeys(names, tests), **{"pytest.ini": INI})
    native = pytest_output(tmp_path, "--co", "-q", *(f"{name}.py" for name in names), plugin=False)
    asked = ("--co", "-q", "--collect-report", *(f"{name}.py" for name in names))
    said = pytest_output(tmp_path, *asked)
    assert "5 files (1 farm, 4 natively), 0 imported here since" in said
    assert "4 x hook-effect" in said
    # a test that is added to the end of the list stands at the end of the natively collected ones
    assert sorted(_ids(native)) == sorted(_ids(said))
    # noted in the manifest
    assert "5 files (1 manifest, 4 natively)" in pytest_output(tmp_path, *asked)


def _ids(output: str) -> list[str]:
    return [line for line in output.splitlines() if "::" in line and not line.startswith(" ")]
