"""--explain-imports and the line for a hook that made everything import."""

from __future__ import annotations

from pathlib import Path

import pytest
from inner import pytest_output, write

PLAIN = "def test_a():\n    pass\n\n\ndef test_b():\n    pass\n"
CURIOUS = """
def pytest_collection_modifyitems(items):
    for item in items:
        {look}
"""


@pytest.mark.parametrize(
    ("look", "asked"),
    [
        ("item.function", "item.function"),
        ("item.obj", "item.obj"),
        ("item.cls", "item.cls"),
        ("item.fspath; item._fixtureinfo", "item._fixtureinfo"),
    ],
)
def test_says_who_asked_for_what(tmp_path: Path, look: str, asked: str) -> None:
    write(tmp_path, conftest=CURIOUS.format(look=look), test_one=PLAIN, test_two=PLAIN)
    said = pytest_output(tmp_path, "--collect-only", "-q", "--explain-imports")
    who = f"conftest.py::pytest_collection_modifyitems asked for {asked}: 2 modules, 4 tests"
    assert who in said
    assert "test_one.py (2 tests)" in said
    assert "per-file: conftest.py::pytest_collection_modifyitems" in said
    line = (
        f"conftest.py::pytest_collection_modifyitems made all 2 modules import, asking for {asked}"
    )
    assert line in said


def test_a_plugin_is_called_by_its_module_and_a_line_is_only_given_where_it_helps(
    tmp_path: Path,
) -> None:
    plugin = "def pytest_collection_finish(session):\n    session.items[0].function\n"
    write(tmp_path, curious=plugin, test_one=PLAIN, test_two=PLAIN)
    said = pytest_output(tmp_path, "-p", "curious", "--collect-only", "-q", "--explain-imports")
    who = "curious::pytest_collection_finish asked for item.function: 1 modules, 2 tests"
    assert who in said
    assert "per-file" not in said
    assert "made all" not in said


def test_arguments_of_markers_and_parameters(tmp_path: Path) -> None:
    tests = (
        "import pytest\n"
        "@pytest.mark.note(object())\n"
        "@pytest.mark.parametrize('x', [object()])\n"
        "def test_a(x):\n    pass\n"
    )
    for look, asked in (
        ("item.get_closest_marker('note').args", "the arguments of marker note"),
        ("item.callspec.params['x']", "item.callspec.params"),
    ):
        write(tmp_path, conftest=CURIOUS.format(look=look), test_one=tests)
        said = pytest_output(tmp_path, "--co", "-q", "--explain-imports", "--manifest=no")
        assert f"asked for {asked}: 1 modules, 1 tests" in said


def test_a_run_imports_nothing_before_its_tests(tmp_path: Path) -> None:
    write(tmp_path, test_one=PLAIN, test_two=PLAIN)
    said = pytest_output(tmp_path, "--explain-imports")
    assert "4 passed" in said
    assert "no module was imported before its tests ran" in said
