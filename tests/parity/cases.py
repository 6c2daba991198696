"""Which suites are asked for what: the table of parity cases."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from lines import named

SUITES = Path(__file__).resolve().parent / "suites"

#: Ways of asking that fit every suite, by name. `{first}` is a file of the suite.
WAYS: dict[str, tuple[str, ...]] = {
    "run": (),
    "collect": ("--collect-only", "-q"),
    "collect-qq": ("--collect-only", "-qq"),
    "tree": ("--collect-only",),
    "tree-v": ("--collect-only", "-v"),
    "verbose": ("-v", "-rA"),
    "quiet": ("-q", "--tb=line"),
    "x": ("-x",),
    "maxfail": ("--maxfail=2",),
    "continue": ("--continue-on-collection-errors",),
    "k": ("-k", "test_one or plain or (class and not two) or fail"),
    "k-not": ("-k", "not test"),
    "k-nothing": ("-k", "nothing_has_this_name"),
    "k-wrong": ("-k", "and or"),
    "m": ("-m", "slow or level or added or xfail"),
    "m-not": ("-m", "not slow"),
    "setup-plan": ("--setup-plan",),
    "setup-show": ("--setup-show", "-q"),
    "fixtures-per-test": ("--fixtures-per-test",),
    "no-capture": ("-s",),
    "capture-sys": ("--capture=sys",),
    "capture-tee": ("--capture=tee-sys",),
    "errors": ("-W", "error"),
    "default-warnings": ("-W", "always", "-rw"),
    "no-warnings": ("-p", "no:warnings"),
    "no-doctest": ("-p", "no:doctest"),
    "no-unittest": ("-p", "no:unittest"),
    "no-python": ("-p", "no:python"),
    "no-cacheprovider": ("-p", "no:cacheprovider"),
    "no-assertion": ("--assert=plain",),
    "doctest-modules": ("--doctest-modules",),
    "importlib": ("--import-mode=importlib",),
    "append": ("--import-mode=append",),
    "rootdir": ("--rootdir=..",),
    "one-file": ("{first}",),
    "file-twice": ("{first}", "{first}"),
    "keep-duplicates": ("--keep-duplicates", "{first}", ".", "{first}"),
    "in-package": ("--collect-in-virtualenv", "."),
    "missing": ("not_there.py",),
    "missing-id": ("{first}::test_not_there",),
    "missing-of-two": ("{first}", "not_there"),
    "ignore": ("--ignore={first}",),
    "ignore-glob": ("--ignore-glob=*a*",),
    "deselect": ("--deselect={first}",),
    "noconftest": ("--noconftest",),
    "confcutdir": ("--confcutdir=..",),
    "lf-nothing-failed": ("--lf",),
    "sw": ("--sw",),
    "pdb": ("--pdb",),
    "pdb-x": ("--pdb", "-x", "-q"),
    "trace": ("--trace", "--maxfail=1"),
    "setup-only": ("--setup-only",),
    "fixtures": ("--fixtures", "-v"),
    "live-log": ("-o", "log_cli=true", "--log-cli-level=DEBUG"),
    "no-header": ("--no-header", "--no-summary", "-rN"),
    "very-verbose": ("-vv", "--color=yes", "-rA"),
    "k-case": ("-k", "TEST_ONE or Class"),
    "addopts": ("-o", "addopts=", "-v"),
    "norecursedirs": ("-o", "norecursedirs=sub a other"),
    "python-names": ("-o", "python_classes=* !Other", "-o", "python_functions=*one test_*two"),
    "python-files": ("-o", "python_files=*.py"),
    "co-x": ("--co", "-x"),
    "co-maxfail": ("--co", "-q", "--maxfail=1", "--continue-on-collection-errors"),
    "dotted": ("./{first}", "../suite/{first}"),
    "xunit1": ("--junitxml=report.xml", "-o", "junit_family=xunit1", "--junit-prefix=p"),
    "nf": ("--nf",),
    "ff": ("--ff",),
    "strict": ("--strict-markers", "--strict-config"),
    "junit": ("--junitxml=report.xml", "-o", "junit_logging=all"),
    "durations": ("--durations=0", "--durations-min=100"),
    "random-order-of-arguments": ("-p", "no:randomly", "{first}", "."),
}


#: Ways that look at what an earlier native run left, and that run's arguments.
BEFORE: dict[str, tuple[str, ...]] = {
    "lf": (),
    "ff-nf": (),
    "lf-co": (),
    "lf-x": (),
    "lf-none": ("{first}",),
    "sw-again": ("--sw",),
    "sw-skip": ("--sw",),
    "nf-again": ("{first}",),
}
WAYS.update(
    {
        "lf": ("--lf",),
        "ff-nf": ("--ff", "--nf"),
        "lf-co": ("--lf", "--co", "-q"),
        "lf-x": ("--lf", "-x"),
        "lf-none": ("--lf", "--last-failed-no-failures=none"),
        "sw-again": ("--sw",),
        "sw-skip": ("--sw", "--sw-skip"),
        "nf-again": ("--nf", "-v"),
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """One comparison.

    `before` are the arguments of a native run that leaves its cache for the runs compared; `modes` the names in
    sameness.MODES that are compared with native; `deep` compares marker arguments, values and objects too.
    """

    suite: str
    name: str
    args: tuple[str, ...]
    modes: tuple[str, ...] = ("farm",)
    deep: bool = False
    before: tuple[str, ...] | None = None
    folder: str = "."
    env: tuple[tuple[str, str], ...] = ()
    text: bool = True

    @property
    def id(self) -> str:
        return f"{self.suite}-{self.name}{'-deep' if self.deep else ''}"


def suites() -> list[str]:
    return sorted(
        path.name for path in SUITES.iterdir() if path.is_dir() and path.name != "__pycache__"
    )


def first_file(suite: str) -> str:
    """The first test file at the top of a suite, or anywhere in it."""
    folder = SUITES / suite
    found = (
        sorted(folder.glob("test_*.py"))
        or sorted(folder.rglob("test_*.py"))
        or sorted(folder.rglob("*.py"))
    )
    return str(found[0].relative_to(folder))


def _filled(suite: str, args: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(arg.replace("{first}", first_file(suite)) for arg in args)


def way(suite: str, name: str, **fields: object) -> Case:
    args = _filled(suite, WAYS[name])
    if name in BEFORE:
        fields.setdefault("before", _filled(suite, BEFORE[name]))
    return Case(suite, name, args, **fields)  # type: ignore[arg-type]


def asked(suite: str, *args: str, name: str | None = None, **fields: object) -> Case:
    """A case with arguments of its own; its name is made of them unless given."""
    return Case(suite, name or " ".join(args) or "run", args, **fields)  # type: ignore[arg-type]


#: Cases that only one suite can answer.
SPECIAL: list[Case] = [
    # ids
    asked(
        "parametrize",
        "test_kinds.py::test_stacked[1-3]",
        "test_kinds.py::TestOnClass::test_three[True-1-2]",
    ),
    asked(
        "parametrize",
        "test_kinds.py::test_stacked",
        "test_kinds.py::test_stacked[2-4]",
        name="overlapping-ids",
    ),
    asked(
        "parametrize",
        "test_kinds.py::test_odd_text[a::b]",
        "test_kinds.py::test_odd_text[[x]]",
        name="odd-ids",
    ),
    asked("parametrize", "test_kinds.py::test_stacked[9-9]", name="missing-param-id"),
    asked("parametrize", "-k", "stacked and 1-3 or TestOnClass and False", name="k-ids"),
    asked("parametrize", "-m", "owner(name='me') or slow and not xfail", name="m-arguments"),
    asked(
        "parametrize",
        "--deselect=test_kinds.py::test_stacked[1-3]",
        "--deselect=test_indirect.py::Test",
        "-q",
    ),
    asked("parametrize", "-o", "empty_parameter_set_mark=fail_at_collect", name="empty-sets-fail"),
    asked(
        "parametrize",
        "-o",
        "disable_test_id_escaping_and_forfeit_all_rights_to_community_support=true",
        "--co",
        "-q",
        name="unescaped-ids",
    ),
    asked(
        "classes",
        "test_classes.py::TestNested::TestInner",
        "test_classes.py::TestDerivedAgain::test_own",
    ),
    asked(
        "classes",
        "test_classes.py::TestNested::TestInner::test_inner",
        "test_classes.py::TestNested",
        name="inner-then-outer",
    ),
    asked("classes", "test_classes.py::TestNested::NotCollected", name="uncollected-class"),
    asked(
        "classes",
        "--keep-duplicates",
        "test_classes.py::TestPlain",
        "test_classes.py::TestPlain::test_one",
        "test_classes.py",
        name="keep-duplicates-ids",
    ),
    asked("markers", "-m", "level and not data", name="m-level"),
    asked("markers", "-k", "special_key or another or slow", name="k-function-attributes"),
    asked("markers", "--strict-markers", name="strict-markers"),
    asked("markers", "--runxfail", name="runxfail"),
    asked("conftests", "--colour=blue", "sub/deeper", name="own-option"),
    asked(
        "conftests",
        "sub/deeper/test_deeper.py::TestClass::test_place",
        "test_root.py",
        "sub",
        name="mixed-arguments",
    ),
    asked("conftests", "test_sub.py", "deeper", folder="sub", name="from-a-subfolder"),
    asked("conftests", "--confcutdir=sub", "sub", name="confcutdir-sub"),
    asked("conftests", "sub/deeper/test_ignored.py", name="ignored-but-named"),
    asked(
        "packages", "top/inner/test_inner.py", "top/__init__.py", "plain", name="files-of-packages"
    ),
    asked(
        "packages",
        "--pyargs",
        "top.inner",
        "top.inner.test_inner::TestInPackage",
        name="pyargs",
        env=(("PYTHONPATH", "."),),
    ),
    asked("packages", "-o", "python_files=test_*.py", "top", name="init-not-a-test-file"),
    asked("duplicates", "--continue-on-collection-errors", name="continue"),
    asked(
        "unittests", "test_unittests.py::TestSimple::test_value", "test_unittests.py::TestRunTest"
    ),
    asked("unittests", "-p", "no:unittest", name="no-unittest"),
    asked("doctests", "--doctest-continue-on-failure", "-v", name="continue-on-failure"),
    asked("doctests", "--doctest-ignore-import-errors", name="ignore-import-errors"),
    asked("doctests", "module.py::module.Class.method", "text.txt::text.txt", name="doctest-ids"),
    asked("custom", "test_pairs.kv::a", "listed", "test_pairs.kv::section one", name="custom-ids"),
    asked("hooks_items", "-k", "number3 or test_new_name or early", name="k-added"),
    asked("hooks_items", "-m", "added(n=1) or tail", name="m-added"),
    asked("hooks_items", "-n0", name="xdist-off"),
    asked("errors", "--continue-on-collection-errors", "-rA", name="continue"),
    asked("errors", "test_ok.py", "test_syntax.py", "--tb=short", name="two-files"),
    asked("errors", "-x", name="x"),
    asked("errors", "--maxfail=3", "--tb=native", name="maxfail"),
    asked("errors", "--co", name="tree"),
    asked("module_skips", "-rs", "-v", name="reasons"),
    asked("module_skips", "--co", "-rs", name="tree"),
    asked("warns", "-W", "error", name="errors"),
    asked(
        "warns",
        "-W",
        "error::UserWarning:test_importing",
        "-W",
        "ignore::RuntimeWarning",
        name="error-for-one-module",
    ),
    asked("warns", "-p", "no:warnings", name="no-warnings"),
    asked("warns", "-o", "python_files=*.py", name="helper-is-collected"),
    asked("warns", "--disable-warnings", name="disabled"),
    asked("prints", "-s", name="no-capture"),
    asked("prints", "--capture=sys", name="capture-sys"),
    asked("prints", "-rP", name="reports-of-passed"),
    asked("xunit", "--setup-show", name="setup-show"),
    asked("fixtures", "--setup-plan", name="setup-plan"),
    asked("fixtures", "-k", "finalizes or inner", name="k"),
    asked("scopes", "pkg_two", "test_b.py", "test_a.py", name="other-order"),
    asked(
        "scopes",
        "test_b.py::test_session",
        "test_a.py::test_session",
        "--setup-plan",
        name="ids-setup-plan",
    ),
    asked("requests", "test_request.py", name="one-file"),
    asked("requests", "--junitxml=report.xml", "-o", "junit_duration_report=call", name="junit"),
    asked(
        "odd_names",
        "test_names.py::test with space",
        "brackets[1]/test_[x].py::TestClass",
        "ünï",
        name="odd-ids",
    ),
    asked("odd_names", "./-dash", name="dash"),
    asked("symlinks", "linked/test_real.py", "real", name="link-and-target"),
    asked(
        "namespace",
        "--pyargs",
        "space.one",
        "space.two.test_two",
        "regular",
        name="pyargs",
        env=(("PYTHONPATH", "src:other"),),
    ),
    asked("namespace", "--import-mode=importlib", name="importlib"),
    asked("namespace", "-o", "consider_namespace_packages=false", name="not-considered"),
    asked("import_modes", "--import-mode=prepend", name="prepend"),
    asked("import_modes", "--import-mode=append", name="append"),
    asked("options", "-c", "alternative.ini", name="other-ini"),
    asked(
        "options", "-o", "python_functions=test check", "-o", "testpaths=more", name="overridden"
    ),
    asked("options", ".", name="testpaths-overridden"),
    asked("options", "--override-ini=addopts=", "more/outside/check_outside.py", name="outside"),
    asked("plugins", "-p", "own_plugin", "-p", "no:helpers.more", name="p"),
    asked("outcomes", "--lf", before=(), name="lf"),
    asked("outcomes", "--lf", "--lfnf=none", name="lf-none"),
    asked("outcomes", "--ff", before=(), name="ff"),
    asked("outcomes", "--nf", before=("test_a.py",), name="nf"),
    asked("outcomes", "--sw", before=("--sw",), name="stepwise"),
    asked("outcomes", "--lf", "-k", "odd", before=(), name="lf-k"),
    asked("outcomes", "--lf", "test_a.py", "--collect-only", "-q", before=(), name="lf-one-file"),
    asked("outcomes", "-x", "-rA", name="x"),
    asked("outcomes", "--maxfail=3", "-v", name="maxfail"),
    asked("outcomes", "@arguments.txt", name="arguments-file"),
    asked("outcomes", "-p", "no:terminal", name="no-terminal"),
    asked("outcomes", "--tb=long", "-l", "-rA", name="locals"),
    asked("outcomes", "-k", "(test_pass or odd) and not TestB", "-m", "not slow", name="k-and-m"),
    asked("outcomes", "-k", "test_text and b-c", name="k-id-part"),
    asked("outcomes", "--pdb", name="pdb"),
    asked("outcomes", "--trace", "-k", "pass", name="trace"),
    asked("outcomes", "--sw", "--sw-skip", before=("--sw",), name="stepwise-skip"),
    asked("outcomes", "--ff", "--nf", "-v", before=("sub",), name="ff-nf"),
    asked("outcomes", "--lf", "--deselect=test_a.py::test_fail", before=(), name="lf-deselect"),
    asked(
        "outcomes",
        "@arguments.txt",
        "@arguments.txt",
        "--keep-duplicates",
        name="arguments-file-twice",
    ),
    asked("outcomes", "--junitxml=report.xml", "-o", "junit_logging=all", name="junit"),
    asked("outcomes", "--setup-only", "-k", "odd or error", name="setup-only"),
    asked("outcomes", "--cache-show", before=(), name="cache-show"),
    asked("outcomes", env=(("PYTEST_ADDOPTS", "-v -k odd --co"),), name="addopts-variable"),
    asked("errors", "--junitxml=report.xml", name="junit"),
    asked("errors", "--lf", before=(), name="lf"),
    asked("errors", "--pdb", name="pdb"),
    asked("errors", "--sw", name="stepwise"),
    asked("module_skips", "--junitxml=report.xml", name="junit"),
    asked("unittests", "--pdb", "-q", name="pdb"),
    asked("unittests", "--lf", "-v", before=(), name="lf"),
    asked("unittests", "--junitxml=report.xml", name="junit"),
    asked("doctests", "--lf", "-v", before=(), name="lf"),
    asked("custom", "--lf", "-v", before=(), name="lf"),
    asked("scopes", "--ff", before=("test_b.py",), name="ff"),
    asked("scopes", "--setup-only", name="setup-only"),
    asked("fixtures", "--fixtures-per-test", "-v", name="fixtures-per-test"),
    asked("odd_names", "--junitxml=report.xml", name="junit"),
    asked("odd_names", "--import-mode=importlib", "-v", name="importlib"),
    asked("symlinks", "--import-mode=importlib", ".", "linked", name="importlib"),
    asked("options", "-o", "norecursedirs=skipdir", "-v", name="norecursedirs"),
    asked("plugins", "--markers", name="markers-option"),
    asked("parametrize", "test_hidden.py", "-v", name="hidden"),
    asked("scopes", "-v", "test_a.py::TestDirectClass", "test_b.py::TestClass", name="class-scope"),
    asked(
        "conftests", "--rootdir=..", "--confcutdir=sub/deeper", "sub", name="rootdir-and-confcutdir"
    ),
    asked(
        "conftests",
        "--ignore=other",
        "--ignore-glob=*skipme*",
        "--deselect=sub/deeper/test_deeper.py::TestClass",
        "-v",
        name="left-out",
    ),
    way("warns_leaking", "errors"),
    way("classes", "collect-qq"),
    way("classes", "tree-v"),
]
#: Special cases that run by default.
QUICK = frozenset(
    """
    parametrize-overlapping-ids parametrize-odd-ids parametrize-missing-param-id parametrize-m-arguments
    parametrize-empty-sets-fail classes-keep-duplicates-ids classes-inner-then-outer markers-k-function-attributes
    conftests-mixed-arguments conftests-from-a-subfolder packages-pyargs packages-files-of-packages
    duplicates-continue unittests-no-unittest doctests-doctest-ids custom-custom-ids hooks_items-k-added
    hooks_items-m-added errors-continue errors-maxfail errors-tree module_skips-reasons warns-errors
    warns-no-warnings prints-no-capture prints-capture-sys xunit-setup-show fixtures-setup-plan scopes-other-order
    odd_names-odd-ids symlinks-link-and-target namespace-pyargs import_modes-prepend options-other-ini outcomes-lf
    warns-helper-is-collected outcomes-pdb outcomes-junit errors-junit
    outcomes-ff outcomes-stepwise outcomes-x outcomes-arguments-file outcomes-k-and-m
    """.split()
)


#: Suites that are run twice by default, the second time from what the first has left.
AGAIN = (
    "parametrize",
    "classes",
    "scopes",
    "unittests",
    "doctests",
    "fixtures",
    "hooks_items",
    "hooks_per_file",
    "errors",
    "warns",
    "warns_leaking",
)


def quick() -> list[Case]:
    """The cases that run by default."""
    cases = [way(suite, "run") for suite in suites()]
    cases += [way(suite, "collect", deep=True, modes=("here",)) for suite in suites()]
    wanted = QUICK.union(named())
    cases += [case for case in SPECIAL if case.id in wanted]
    cases += [asked(suite, name="again", modes=("again",)) for suite in AGAIN]
    return _once(cases)


def full() -> list[Case]:
    """The product of suites and ways, and the special cases, in every mode."""
    modes = ("here", "farm", "again", "here-again")
    cases = [dataclasses.replace(case, modes=modes) for case in quick() + SPECIAL]
    cases += [way(suite, name, modes=modes) for suite in suites() for name in WAYS]
    cases += [
        way(suite, name, modes=modes, deep=True)
        for suite in suites()
        for name in ("collect", "run", "m", "k")
    ]
    return _once(cases)


def _once(cases: list[Case]) -> list[Case]:
    return list({case.id: case for case in cases}.values())
