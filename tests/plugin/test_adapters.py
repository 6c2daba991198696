"""Adapters that ship, and the stand-ins that answer hooks."""

from __future__ import annotations

import inspect
import unittest
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastcollect_meta.adapters import ADAPTERS
from fastcollect_meta.standins import class_stand_in, function_stand_in, module_stand_in
from fastcollect_meta.treatments import Treatment
from inner import pytest_output, write

PROPERTIES = """
import pytest
from hypothesis import given
from hypothesis import strategies as st


@given(st.booleans())
def test_property(value):
    pass


class TestIn:
    @pytest.mark.slow
    @given(st.booleans())
    def test_another(self, value):
        pass

    def test_plain(self):
        pass
"""


def test_hypothesis_finds_the_same_tests_without_being_imported(tmp_path: Path) -> None:
    pytest.importorskip("hypothesis")
    write(tmp_path, test_with=PROPERTIES, test_without="def test_plain():\n    pass\n")
    asked = ("-p", "hypothesispytest", "--co", "-q", "-m", "hypothesis and not slow")
    native = pytest_output(tmp_path, *asked, plugin=False)
    assert "1/4 tests collected" in native
    for _ in range(2):
        said = pytest_output(tmp_path, *asked, "--explain-imports")
        assert "test_with.py::test_property\n" in said
        assert "1/4 tests collected" in said
        assert "no module was imported before its tests ran" in said
    assert "1 passed" in pytest_output(tmp_path, *asked[:2], *asked[4:])


def _never() -> Any:
    raise AssertionError("it was imported")


def test_a_class_stand_in_is_a_subclass_of_what_is_loaded() -> None:
    stand_in = class_stand_in(
        ("test_x:Outer.Case", "test_x:Base", "unittest.case:TestCase"), _never
    )
    assert issubclass(stand_in, unittest.TestCase)
    assert not issubclass(stand_in, unittest.IsolatedAsyncioTestCase)
    assert isinstance(stand_in, type)
    assert inspect.isclass(stand_in)
    assert (stand_in.__module__, stand_in.__qualname__, stand_in.__name__) == (
        "test_x",
        "Outer.Case",
        "Case",
    )
    with pytest.raises(AssertionError, match="it was imported"):
        stand_in.tags  # noqa: B018


def test_what_a_stand_in_does_not_know_is_asked_of_the_real_one() -> None:
    class Real:
        tags = ("a",)

    stand_in = class_stand_in(("m:Real",), lambda: Real)
    assert stand_in.tags == ("a",)
    stand_in.added = 3
    assert Real.added == 3  # type: ignore[attr-defined]


def test_function_and_module_stand_ins() -> None:
    for is_coroutine in (True, False):
        stand_in = function_stand_in(is_coroutine, _never)
        assert inspect.iscoroutinefunction(stand_in) is is_coroutine
        assert not inspect.ismethod(stand_in)
    module = module_stand_in("package.test_x", _never)
    assert module.__name__ == "package.test_x"
    assert isinstance(module, ModuleType)


def test_the_table_is_consistent() -> None:
    for adapter in ADAPTERS:
        assert {Treatment(name) for name in adapter.hooks.values()}
        assert adapter.answers.keys() <= adapter.hooks.keys()
        assert adapter.versions.first != adapter.versions.after
