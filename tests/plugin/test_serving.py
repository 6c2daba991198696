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
    result.stdout.fnmatch_lines(
        ["fastcollect-meta: stood aside: the plugin of sqlalchemy is of another version"]
    )


def test_ignored_paths_of_conftests(pytester: pytest.Pytester) -> None:
    """Lists of strings, of paths, in folders below, and one that a hook changes while pytest collects."""
    pytester.makeconftest(
        """
        collect_ignore = ["test_first.py", "sub/../test_second.py"]
        def pytest_collect_file(file_path):
            if file_path.name == "test_a_changes.py":
                collect_ignore.append("test_late.py")
        """
    )
    for name in ("first", "second", "a_changes", "late", "stays"):
        pytester.path.joinpath(f"test_{name}.py").write_text(f"def test_{name}(): pass\n")
    folder = pytester.mkpydir("sub")
    (folder / "conftest.py").write_text(
        "from pathlib import Path\n"
        "collect_ignore = [Path(__file__).parent / 'test_path.py']\n"
        "collect_ignore_glob = ['*_globbed.py']\n"
    )
    for name in ("path", "globbed", "late", "below"):
        (folder / f"test_{name}.py").write_text(f"def test_sub_{name}(): pass\n")
    arguments = ("--collect-only", "-q", "--ignore=sub/test_below.py", "-p", "no:cacheprovider")
    native = pytester.runpytest_subprocess(*arguments, timeout=120)
    expected = ["test_a_changes.py::test_a_changes", "test_stays.py::test_stays"]
    found = [line for line in native.outlines if "::" in line]
    assert sorted(found) == ["sub/test_late.py::test_sub_late", *expected]
    plugin = ("-p", "fastcollect_meta", "--workers=1", "--manifest=manifest")
    for files in ("3 farm", "3 manifest"):
        served = pytester.runpytest_subprocess(*plugin, *arguments, timeout=120)
        assert [line for line in served.outlines if "::" in line] == found
        served.stdout.fnmatch_lines([f"fastcollect-meta: 3 files ({files})*"])


def test_objects_that_cannot_be_asked_for_their_class(pytester: pytest.Pytester) -> None:
    """Such as Django's settings before they are configured: natively collected, from workers, and with a registrar before."""
    pytester.makepyfile(
        test_one="import os\nos.environ['ADDED'] = '1'\ndef test_a(): pass",
        test_two="""
            class Raises:
                __class__ = property(lambda self: 1 / 0)
                def __getattr__(self, name):
                    raise RuntimeError(name)
            raises = Raises()
            def test_b(): pass
        """,
        test_three="def test_c(): pass",
    )
    for args in ((), (), ("-o", "fastcollect_meta_native=test_*.py")):
        plugin = ("-p", "fastcollect_meta", "--workers=2")
        result = pytester.runpytest_subprocess(*plugin, *args, timeout=120)
        result.assert_outcomes(passed=3)
        result.stdout.no_fnmatch_line("*internal-error*")
        result.stderr.no_fnmatch_line("*died*")


def test_a_configuration_that_is_never_used_leaves_no_process(pytester: pytest.Pytester) -> None:
    """As tests of plugins make them: with warnings of what is left behind as errors."""
    pytester.makepyfile(
        program="""
            import gc, warnings
            from _pytest.config import _prepareconfig
            warnings.simplefilter("error")
            config = _prepareconfig(["-p", "fastcollect_meta", "--workers=1", "--manifest=no"])
            config._ensure_unconfigure()
            del config
            gc.collect()
            print("left nothing")
        """
    )
    result = pytester.runpython("program.py")
    assert "left nothing" in result.stdout.str()
    assert "subprocess" not in result.stderr.str()
