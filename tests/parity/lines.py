"""What has to be exact, line by line, and the tests that show it: names of parity cases, or of tests elsewhere in tests/.

test_parity.py checks that each of them is there. The cases named here run by default.
"""

from __future__ import annotations

#: By group, what: names, a case by its id, another test as FILE::FUNCTION.
LINES: dict[str, dict[str, tuple[str, ...]]] = {
    "kinds of nodes": {
        "unittest.TestCase: setUpClass, skips, subTest, __test__": ("unittests-run", "unittests-collect-deep", "unittests-again"),
        "one method through its class's id": ("unittests-test_unittests.py::TestSimple::test_value test_unittests.py::TestRunTest",),
        "doctests in modules and text files": ("doctests-run", "doctests-doctest-ids", "doctests-again"),
        "packages and directories": ("packages-run", "packages-files-of-packages"),
        "custom files, items and directories": ("custom-run", "custom-custom-ids"),
        "pytest_generate_tests": ("parametrize-run", "generated/test_generated.py::test_random_suites"),
        "pytest_pycollect_makeitem, pytest_pycollect_makemodule": ("hooks_make-run", "hooks_make-collect-deep"),
        "nested and inherited classes": ("classes-run", "classes-inner-then-outer"),
        "parametrized classes and fixtures, indirect, ids from functions, marks, stacked": ("parametrize-run", "parametrize-collect-deep"),
        "hidden parameter ids": ("parametrize-hidden",),
        "every scope, reordered across modules: equal, unequal, unhashable": ("scopes-run", "scopes-other-order", "scopes-again"),
        "the same across packages, asked by ids": ("scopes-ids-setup-plan",),
        "class scope": ("scopes-class-scope",),
    },
    "results that are not items": {
        "import and syntax errors": ("errors-run", "errors-continue", "errors-again", "errors-tree"),
        "pytest.skip(allow_module_level=True), importorskip, unittest.SkipTest": ("module_skips-run", "module_skips-reasons"),
        "fixture and yield-test errors": ("errors-run", "fixtures-run"),
        "duplicate module basenames": ("duplicates-run", "duplicates-continue"),
        "empty parameter sets": ("parametrize-run", "parametrize-empty-sets-fail"),
        "warnings while collecting": ("warns-run", "warns-again"),
        "-W error": ("warns-errors",),
        "filters that files set for those after them": ("warns_leaking-run", "warns_leaking-again", "warns_leaking-errors"),
        "output captured while importing": ("prints-run", "prints-no-capture", "prints-capture-sys"),
        "errors in conftests": ("errors_conftest-run",),
        "junit XML of errors": ("errors-junit",),
    },
    "ways of asking": {
        "path, path::Class::test[id], several, overlapping": ("parametrize-overlapping-ids", "parametrize-odd-ids", "parametrize-missing-param-id"),
        "--keep-duplicates": ("classes-keep-duplicates-ids",),
        "--pyargs, namespace packages": ("packages-pyargs", "namespace-pyargs"),
        "--import-mode=prepend": ("import_modes-prepend",),
        "--import-mode=append": ("import_modes-append",),
        "--import-mode=importlib": ("namespace-importlib",),
        "--rootdir, --confcutdir": ("conftests-rootdir-and-confcutdir",),
        "-c": ("options-other-ini",),
        "--ignore, --ignore-glob, --deselect": ("conftests-left-out",),
        "-k and -m": ("outcomes-k-and-m", "parametrize-m-arguments", "parametrize-k-ids", "hooks_items-k-added", "hooks_items-m-added"),
        "--lf, --ff, --nf, --sw": ("outcomes-lf", "outcomes-ff", "outcomes-nf", "outcomes-stepwise"),
        "-x, --maxfail": ("outcomes-x", "errors-maxfail"),
        "-p no:": ("unittests-no-unittest", "warns-no-warnings"),
        "--collect-only with -q, -qq, -v": ("classes-collect-deep", "classes-collect-qq", "classes-tree-v"),
        "--setup-plan, --fixtures-per-test": ("fixtures-setup-plan", "fixtures-fixtures-per-test"),
        "--pdb": ("outcomes-pdb",),
        "@file arguments": ("outcomes-arguments-file",),
        "testpaths, python_files, python_classes, python_functions, norecursedirs": ("options-run", "options-overridden", "options-norecursedirs"),
        "collect_ignore, collect_ignore_glob, conftest.py at every level": ("conftests-run", "conftests-ignored-but-named"),
        "pytest_plugins": ("plugins-run",),
        "symlinks": ("symlinks-run", "symlinks-link-and-target"),
        "odd file names": ("odd_names-run", "odd_names-odd-ids"),
    },
    "running": {
        "fixtures of every scope and their teardown order": ("fixtures-run", "scopes-run"),
        "xunit setup functions": ("xunit-run", "xunit-setup-show"),
        "request.node and its parents, getfixturevalue, funcargs": ("requests-run",),
        "tracebacks, reports": ("outcomes-locals",),
        "junit XML": ("outcomes-junit", "requests-junit"),
        "markers added while running": ("markers-run", "markers-runxfail"),
        "a module that differs from its metadata": (
            "plugin/test_mismatch.py::test_while_running",
            "plugin/test_mismatch.py::test_asked_while_collecting",
            "plugin/test_mismatch.py::test_next_run_is_native",
        ),
    },
    "versions": {
        "a version outside: stands aside with a line": ("plugin/test_versions.py::test_stands_aside",),
    },
}  # fmt: skip


def named() -> list[str]:
    """All names."""
    return [name for group in LINES.values() for names in group.values() for name in names]
