"""The cases of the matrix: a plugin, a suite that uses it, how pytest is asked, and the files that it writes."""

from __future__ import annotations

import dataclasses
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

_CHANGING = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "{uuid}"),
    (re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d:\d\d([.,]\d+)?([+-]\d\d:?\d\d)?)?"), "{date}"),
    (re.compile(r"\d\d-\w{3}-\d{4}|\d\d:\d\d:\d\d"), "{time}"),
    (re.compile(r"0x[0-9a-fA-F]{6,}"), "{address}"),
    (re.compile(r"(took) [^.<]*\."), r"\1 {duration}."),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s|us)\b"), "{duration}"),
    (re.compile(r"\d+\.\d+(e-?\d+)?"), "{number}"),
    (re.compile(r"\b\d{9,}\b"), "{stamp}"),
    (re.compile(r"\"(pid|thread)\": \d+"), "{process}"),
    (re.compile(r"\b\d+-MainThread\b"), "{process}"),
]


def text(path: Path) -> object:
    """A report's text without times and identities."""
    found = path.read_text(encoding="utf-8", errors="replace")
    for pattern, by in _CHANGING:
        found = pattern.sub(by, found)
    return found


def folder(path: Path) -> object:
    """All files of a folder in which names are of no account."""
    return sorted(str(text(file)) for file in path.iterdir() if file.is_file())


def coverage(path: Path) -> object:
    """Lines and branches of a JSON report of coverage.py."""
    content = json.loads(path.read_text())
    return {name: content[name] for name in ("files", "totals")}


def benchmarks(path: Path) -> object:
    """What was measured, without the figures."""
    content = json.loads(path.read_text())
    return [(one["fullname"], one["group"], one["params"]) for one in content["benchmarks"]]


def testmon(path: Path) -> object:
    """Tests that testmon knows, and files that each depends on."""
    with sqlite3.connect(path) as database:
        return sorted(
            database.execute(
                "select test_name, filename from test_execution"
                " join test_execution_file_fp on test_execution.id = test_execution_id"
                " join file_fp on file_fp.id = fingerprint_id"
            ).fetchall()
        )


def cases_of(path: Path) -> object:
    """Names and outcomes of a JUnit file, in any order."""
    pattern = r"<testcase [^>]*/>|<testcase [^>]*[^/]>.*?</testcase>"
    return sorted(re.findall(pattern, str(text(path)), re.S))


def tests_of(path: Path) -> object:
    """Names of the tests of a JUnit file, in the order in which they ran."""
    return re.findall(r'<testcase classname="([^"]*)" name="([^"]*)"', path.read_text())


Reader = Callable[[Path], object]


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """A suite with plugins.

    :param distributions: whose plugins are turned on.
    :param ways: arguments of pytest, each a comparison.
    :param reports: files that are compared, and how they are read.
    :param ordered: whether the order of tests, and what is printed, is compared too.
    :param aside: what the plugin says when it stands aside for it.
    """

    name: str
    distributions: tuple[str, ...]
    ways: tuple[tuple[str, ...], ...] = ((),)
    reports: dict[str, Reader] = dataclasses.field(default_factory=dict)
    ordered: bool = True
    aside: str = ""


_COV = ("--cov", "--cov-report=json:cov.json", "--cov-report=term-missing", "--cov-branch")
_ONE = ("-n1", "--junitxml=junit.xml")  # one worker: tests run in the order of its list
_TWO = ("-n2", "--junitxml=junit.xml")
_LIST = ("--collect-only", "-q")

CASES = (
    Case(
        "cov",
        ("pytest-cov",),
        (_COV, (*_COV, "-k", "choose"), (*_COV, "--cov-context=test"), (*_COV, *_LIST)),
        {"cov.json": coverage},
    ),
    Case(
        "xdist",
        ("pytest-xdist",),
        (
            ("-n2", "--junitxml=junit.xml"),
            ("-n2", "--dist=loadgroup", "--junitxml=junit.xml"),
            ("-n0", "--junitxml=junit.xml"),
        ),
        {"junit.xml": cases_of},
        ordered=False,
    ),
    Case(
        "asyncio",
        ("pytest-asyncio",),
        ((), ("--asyncio-mode=auto",), ("-m", "asyncio", "-v"), _LIST),
    ),
    Case("anyio", ("anyio",), ((), ("-v", "-m", "anyio"), ("--anyio-mode=auto",), _LIST)),
    Case("anyio", ("anyio", "pytest-asyncio"), ((), _LIST)),
    Case("trio", ("pytest-trio",), ((), ("-o", "trio_mode=true"), _LIST)),
    Case(
        "django",
        ("pytest-django",),
        (
            ("-v",),
            ("-m", "slow"),
            ("-m", "core and not slow", "-v"),
            ("--ds=site_settings", *_LIST),
        ),
    ),
    Case("mock", ("pytest-mock",), ((), _LIST)),
    Case("timeout", ("pytest-timeout",), ((), ("--timeout=3", "-v"), _LIST)),
    Case(
        "randomly",
        ("pytest-randomly",),
        (
            ("-p", "randomly", "--randomly-seed=1", "-v"),
            ("--randomly-seed=77", "--doctest-modules", *_LIST),
            ("--randomly-seed=5", "--randomly-dont-reorganize", "-v"),
        ),
    ),
    Case("randomly", ("pytest-randomly", "pytest-django"), (("--randomly-seed=3", *_LIST),)),
    Case("rerunfailures", ("pytest-rerunfailures",), (("--reruns=2", "-v", "-rR"), _LIST)),
    Case(
        "order",
        ("pytest-order",),
        (("-v",), ("--order-scope=module", *_LIST), ("--order-group-scope=class", "-v")),
    ),
    Case(
        "benchmark",
        ("pytest-benchmark",),
        (
            ("--benchmark-json=bench.json", "--benchmark-max-time=0.01", "-q"),
            ("--benchmark-disable", "-v"),
            ("--benchmark-skip", "-v"),
        ),
        {"bench.json": benchmarks},
        ordered=False,
    ),
    Case(
        "bdd",
        ("pytest-bdd",),
        (("-v",), ("--gherkin-terminal-reporter", "-v"), ("-m", "slow"), _LIST),
    ),
    Case(
        "html",
        ("pytest-html", "pytest-metadata"),
        (("--html=report.html", "--self-contained-html"),),
        {"report.html": text},
    ),
    Case("allure", ("allure-pytest",), (("--alluredir=allure",), _LIST), {"allure": folder}),
    Case("sugar", ("pytest-sugar",), ((), ("-v",))),
    Case("instafail", ("pytest-instafail",), (("--instafail",),)),
    Case(
        "split",
        ("pytest-split",),
        (
            ("--splits=2", "--group=1", "-v"),
            ("--splits=3", "--group=2", "--splitting-algorithm=least_duration", "-v"),
            ("--store-durations",),
        ),
    ),
    Case("subtests", ("pytest-subtests",), (("-v",), _LIST)),
    Case(
        "hypothesis",
        ("hypothesis",),
        (
            ("--hypothesis-seed=0", "-q"),
            ("-m", "hypothesis", *_LIST),
            ("-m", "hypothesis and not quick", "--hypothesis-seed=0", "-v"),
        ),
    ),
    Case(
        "testmon",
        ("pytest-testmon",),
        (("--testmon",), ()),
        {".testmondata": testmon},
        aside="pytest-testmon needs to see every test being made",
    ),
    Case(
        "sqlalchemy",
        ("sqlalchemy",),
        (
            (),
            ("--db=default", "--db=numeric", "-v"),
            ("-m", "backend", *_LIST),
            ("-k", "one or pair", "-v"),
            ("test_same.py", "tables/test_same.py::RowsTest::test_count"),
        ),
    ),
    Case(
        "sqlalchemy",
        ("sqlalchemy",),
        (("--db=file",),),
        aside="SQLAlchemy's own plugin makes tests by what another database",
    ),
    Case("freezegun", ("pytest-freezegun",), ((), _LIST)),
    Case("env", ("pytest-env",), (("-v",), _LIST)),
    Case("twisted", ("pytest-twisted",), (("--reactor=default",), _LIST)),
    Case("aiohttp", ("pytest-aiohttp", "pytest-asyncio"), ((), _LIST)),
    Case("syrupy", ("syrupy",), ((), ("--snapshot-details",), ("-k", "value", "-v"), _LIST)),
    # with pytest-xdist as the engine
    Case(
        "sqlalchemy",
        ("sqlalchemy", "pytest-xdist"),
        (("-n2", "--junitxml=junit.xml"),),
        {"junit.xml": cases_of},
        ordered=False,
    ),
    Case(
        "cov",
        ("pytest-cov", "pytest-xdist"),
        ((*_COV, "-n2"), (*_COV, "-n2", "--dist=loadfile"), (*_COV, "-n1", "-k", "choose")),
        {"cov.json": coverage},
        ordered=False,
    ),
    Case(
        "randomly",
        ("pytest-randomly", "pytest-xdist"),
        (
            ("--randomly-seed=7", *_ONE),
            ("--randomly-seed=77", "--doctest-modules", *_ONE),
            ("--randomly-seed=5", "--randomly-dont-reorganize", *_ONE),
        ),
        {"junit.xml": tests_of},
        ordered=False,
    ),
    Case(
        "randomly",
        ("pytest-randomly", "pytest-xdist"),
        (("--randomly-seed=7", *_TWO), ("--randomly-seed=7", "--dist=loadscope", *_TWO)),
        {"junit.xml": cases_of},
        ordered=False,
    ),
    Case(
        "order",
        ("pytest-order", "pytest-xdist"),
        (_ONE, ("--order-scope=module", *_ONE)),
        {"junit.xml": tests_of},
        ordered=False,
    ),
    Case(
        "rerunfailures",
        ("pytest-rerunfailures", "pytest-xdist"),
        (("--reruns=2", *_TWO),),
        {"junit.xml": cases_of},
        ordered=False,
    ),
    Case(
        "django",
        ("pytest-django", "pytest-xdist"),
        (_ONE, ("-m", "core and not slow", *_ONE)),
        {"junit.xml": tests_of},
        ordered=False,
    ),
    Case(
        "django",
        ("pytest-django", "pytest-xdist"),
        (("--dist=loadfile", *_TWO),),
        {"junit.xml": cases_of},
        ordered=False,
    ),
    Case(
        "asyncio",
        ("pytest-asyncio", "pytest-xdist"),
        (_ONE,),
        {"junit.xml": tests_of},
        ordered=False,
    ),
    Case(
        "hypothesis",
        ("hypothesis", "pytest-xdist"),
        (("--hypothesis-seed=0", "-m", "hypothesis", *_ONE),),
        {"junit.xml": tests_of},
        ordered=False,
    ),
    Case(
        "asyncio",
        ("anyio", "hypothesis", "pytest-asyncio", "pytest-django"),
        ((), ("-m", "hypothesis or asyncio", *_LIST)),
    ),
)
