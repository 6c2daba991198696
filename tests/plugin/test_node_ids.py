"""Ids of nodes that don't follow from their parent's id and their name."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

OWN_ID = """
    import pytest

    class Style(pytest.Item):
        def __init__(self, name, parent, nodeid):
            super().__init__(name, parent, nodeid=f"{nodeid}::STYLE")

        def runtest(self): pass

    class StyleFile(pytest.File):
        def collect(self):
            yield Style.from_parent(self, name=self.name, nodeid=self.nodeid)

    def pytest_collect_file(file_path, parent):
        if file_path.suffix == ".style":
            return StyleFile.from_parent(parent, path=file_path)
"""

PLAIN = """
    import pytest

    @pytest.mark.parametrize("a", ["", "a[b]", "c::d"])
    @pytest.mark.parametrize("b", [1, None])
    def test_a(a, b): pass

    @pytest.mark.parametrize("a", [""], ids=[""])
    class TestClass:
        def test_b(self, a): pass
        def test_c(self, a): pass
"""


def ids(pytester: pytest.Pytester, *args: str) -> list[str]:
    result = pytester.runpytest_subprocess("--collect-only", "-q", *args, timeout=120)
    assert result.ret == 0
    return [line for line in result.outlines if "::" in line]


def reported(pytester: pytest.Pytester) -> str:
    result = pytester.runpytest_subprocess(
        "-p",
        "fastcollect_meta",
        "--workers=1",
        "--collect-report",
        "-p",
        "no:cacheprovider",
        timeout=120,
    )
    assert result.ret == 0
    return result.stdout.str()


@pytest.mark.parametrize("workers", ["--workers=1", "--workers=0"])
def test_item_with_an_id_of_its_own(pytester: pytest.Pytester, workers: str) -> None:
    pytester.makeconftest(OWN_ID)
    pytester.path.joinpath("one.style").touch()
    pytester.makepyfile("def test_a(): pass")
    native = ids(pytester)
    assert "one.style::STYLE" in native
    for _ in range(2):
        assert ids(pytester, "-p", "fastcollect_meta", workers) == native
    report = reported(pytester)
    assert "fastcollect-meta: 2 files (1 farm, 1 natively)" in report
    assert "1 x node-id:" in report


def test_ids_of_parameters_do_follow(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PLAIN)
    native = ids(pytester)
    assert len(native) == 8
    assert ids(pytester, "-p", "fastcollect_meta", "--workers=1") == native
    assert "fastcollect-meta: 1 files (1 farm)" in reported(pytester)
