"""Runs in which workers must have collected the files: the summary says so."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    "args", [(), ("-W", "error"), ("-o", "filterwarnings=error"), ("--strict-config",), ("-q",)]
)
def test_workers_collect(pytester: pytest.Pytester, args: tuple[str, ...]) -> None:
    """Warnings that are errors don't keep the zygote from preparing."""
    pytester.makepyfile(test_one="def test_a(): pass", test_two="def test_b(): pass")
    plugin = ("-p", "fastcollect_meta", "--workers=1", "--manifest=no")
    result = pytester.runpytest_subprocess(*plugin, *args, timeout=120)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["fastcollect-meta: 2 files (2 farm)*"])


def test_stands_aside_for_sqlalchemy_s_plugin(pytester: pytest.Pytester) -> None:
    """It is no plugin of its own: a conftest loads it from its file and takes over its hooks."""
    folder = pytester.mkpydir("sqlalchemy") / "testing" / "plugin"
    folder.mkdir(parents=True)
    (folder / "pytestplugin.py").write_text("def pytest_collection_modifyitems(items): pass\n")
    pytester.makeconftest(
        """
        import importlib.util
        spec = importlib.util.spec_from_file_location("other", "sqlalchemy/testing/plugin/pytestplugin.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        pytest_collection_modifyitems = module.pytest_collection_modifyitems
        """
    )
    pytester.makepyfile(test_one="def test_a(): pass")
    result = pytester.runpytest_subprocess("-p", "fastcollect_meta", "--workers=1", timeout=120)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["fastcollect-meta: stood aside: SQLAlchemy*"])
