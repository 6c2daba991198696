"""The plugin's options: command line first, then environment, then ini file."""

from __future__ import annotations

import contextlib
import fnmatch
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from . import compat

GROUP = "fastcollect-meta"

_CLASH = (
    "fastcollect_meta: another plugin defines --workers too; switch one of them off (-p no:NAME)"
)


def add_options(parser: pytest.Parser) -> None:
    """Register the options and their ini equivalents."""
    group = parser.getgroup(GROUP, "collection by a farm of workers (fastcollect_meta)")
    if compat.groups_with_option(parser, "--workers"):
        raise pytest.UsageError(_CLASH)
    group.addoption(
        "--workers",
        dest="fcm_workers",
        metavar="N",
        default=None,
        help="collect test files in N workers; auto: as many as this process may use cores; "
        "0: collect in this process, through the same records "
        "(environment: FASTCOLLECT_META_WORKERS, ini: fastcollect_meta_workers; default: auto)",
    )
    group.addoption(
        "--manifest",
        dest="fcm_manifest",
        metavar="PATH",
        default=None,
        help="the file that keeps collection results between runs; no: none "
        "(environment: FASTCOLLECT_META_MANIFEST, ini: fastcollect_meta_manifest; "
        "default: a file in pytest's cache folder)",
    )
    group.addoption(
        "--collect-report",
        dest="fcm_report",
        action="store_true",
        default=False,
        help="say for each file that was collected natively why that was",
    )
    group.addoption(
        "--explain-imports",
        dest="fcm_explain_imports",
        action="store_true",
        default=False,
        help="say for each module that was imported before its tests ran who asked for what",
    )
    group.addoption(
        "--shard",
        dest="fcm_shard",
        metavar="I/N",
        default=None,
        help="run the I-th of N parts of the tests, of about the same recorded duration; "
        "each test belongs to exactly one of them",
    )
    group.addoption(
        "--shard-by",
        dest="fcm_shard_by",
        metavar="WHAT",
        default="test",
        help="what is never divided between shards: test (default), function (with its parameters), "
        "class or file",
    )
    parser.addini("fastcollect_meta_workers", "default of --workers", default=None)
    parser.addini("fastcollect_meta_manifest", "default of --manifest", default=None)
    parser.addini(
        "fastcollect_meta_time_limit",
        "seconds that collecting one file may take in a worker "
        "(default: none but a generous one, by the file's history)",
        default=None,
    )
    parser.addini(
        "fastcollect_meta_native",
        "files that are always collected natively (glob patterns relative to the root directory)",
        type="args",
        default=[],
    )
    parser.addini(
        "fastcollect_meta_hooks",
        "how collection hooks of plugins and conftests are treated: lines such as "
        "per-file: conftest.py::pytest_collection_modifyitems",
        type="linelist",
        default=[],
    )
    parser.addini(
        "fastcollect_meta_class_trees",
        "classes (module:class) whose subclasses tests are made of: a file that adds to them is imported before the "
        "files after it",
        type="args",
        default=[],
    )
    parser.addini(
        "fastcollect_meta_ignored_variables",
        "environment variables that conftests or plugins read and that change nothing of what is collected",
        type="args",
        default=[],
    )
    parser.addini(
        "fastcollect_meta_ordered",
        "files whose tests depend on what the test files before them have done when they were imported: all of "
        "these are imported first, then the file is collected natively (glob patterns like those of "
        "fastcollect_meta_native)",
        type="args",
        default=[],
    )
    parser.addini(
        "fastcollect_meta_volatile",
        "files whose records are never taken from the manifest (glob patterns like those of "
        "fastcollect_meta_native)",
        type="args",
        default=[],
    )
    parser.addini(
        "fastcollect_meta_alone",
        "files that are collected in a process of their own (glob patterns like "
        "those of fastcollect_meta_native)",
        type="args",
        default=[],
    )
    parser.addini(
        "fastcollect_meta_imports",
        "when the modules of the tests that are run are imported: first: before the first test, as by pytest alone; "
        "late: each before its own first test; auto (default): first, and late in workers of pytest-xdist",
        default="auto",
    )
    parser.addini(
        "fastcollect_meta_worker_memory",
        "MiB that a worker may grow by before another one takes its place (default: 1024)",
        default=None,
    )
    _guard_workers_option(parser)


def _guard_workers_option(parser: Any) -> None:
    """Turn the clash with a later plugin's --workers into a usage error."""
    kind = type(parser.getgroup(GROUP))
    if getattr(kind, "_fcm_guarded", False):
        return
    original = kind.addoption

    def addoption(self: Any, *names: str, **attributes: Any) -> None:
        if "--workers" in names and GROUP in compat.groups_with_option(self.parser, "--workers"):
            raise pytest.UsageError(_CLASH)
        original(self, *names, **attributes)

    kind.addoption = addoption
    kind._fcm_guarded = True


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asks for."""

    #: Number of workers; 0 collects in this process.
    workers: int
    report: bool
    explain_imports: bool
    native: tuple[str, ...]
    ordered: tuple[str, ...]
    #: Path of the manifest, "no" for none, empty for its default place.
    manifest: str
    #: Seconds that a file may take in a worker; 0 for a limit by its history.
    time_limit: float
    #: Bytes that a worker may grow by before another takes its place; 0 for the default.
    worker_memory: int
    #: When modules are imported to run their tests: "first", "late" or "auto".
    imports: str

    def imports_late(self, distributed: bool) -> bool:
        """Whether a module is imported when its own first test runs, and not before all tests.

        :param distributed: for a process that is told one by one which tests it runs.
        """
        return self.imports == "late" or (distributed and self.imports == "auto")


def _workers(text: str, where: str) -> int:
    if text == "auto":
        from ._wire import available_cores

        return max(1, available_cores())
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise pytest.UsageError(f"{where}: expected a number from 0 on, or auto, not {text!r}")
    return number


def _number(config: pytest.Config, name: str, unit: str) -> float:
    text = str(config.getini(name) or "0").strip()
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e9:
        raise pytest.UsageError(f"{name}: expected {unit}, not {text!r}")
    return number


def _imports(config: pytest.Config) -> str:
    text = str(config.getini("fastcollect_meta_imports") or "auto").strip()
    if text not in ("auto", "first", "late"):
        raise pytest.UsageError(
            f"fastcollect_meta_imports: expected auto, first or late, not {text!r}"
        )
    return text


def is_named(path: Path, config: pytest.Config, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns is about a file: about its path in the root directory, or its whole path outside."""
    if not patterns:
        return False
    name = path.as_posix()
    with contextlib.suppress(ValueError):
        name = path.relative_to(config.rootpath).as_posix()
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def manifest_option(config: pytest.Config, namespace: Any) -> str:
    given = getattr(namespace, "fcm_manifest", None)
    if given is None:
        given = os.environ.get("FASTCOLLECT_META_MANIFEST")
    if given is None:
        given = config.getini("fastcollect_meta_manifest")
        if given and given != "no" and config.inipath is not None:
            given = str(config.inipath.parent / given)
    return str(given or "")


def check_shard(namespace: Any) -> tuple[str, str]:
    """The values of --shard ("" for none) and --shard-by.

    :raises pytest.UsageError: for a value that makes no sense.
    """
    shard = str(getattr(namespace, "fcm_shard", None) or "").strip()
    by = str(getattr(namespace, "fcm_shard_by", None) or "test")
    if by not in ("test", "function", "class", "file"):
        raise pytest.UsageError(f"--shard-by: expected test, function, class or file, not {by!r}")
    if shard:
        index, _, count = shard.partition("/")
        numbers = index.isascii() and index.isdigit() and count.isascii() and count.isdigit()
        if not numbers or not 1 <= int(index) <= int(count) <= 10000:
            raise pytest.UsageError(
                f"--shard: expected I/N with 1 <= I <= N <= 10000, not {shard!r}"
            )
        shard = f"{int(index)}/{int(count)}"
    return shard, by


def read_options(config: pytest.Config, namespace: Any) -> Options:
    """The options as they hold; `namespace` has those of the command line.

    :raises pytest.UsageError: for a value that makes no sense.
    """
    for text, where in (
        (getattr(namespace, "fcm_workers", None), "--workers"),
        (os.environ.get("FASTCOLLECT_META_WORKERS"), "FASTCOLLECT_META_WORKERS"),
        (config.getini("fastcollect_meta_workers"), "fastcollect_meta_workers"),
    ):
        if text:
            workers = _workers(str(text).strip(), where)
            break
    else:
        workers = _workers("auto", "--workers")
    return Options(
        workers=workers,
        report=bool(getattr(namespace, "fcm_report", False)),
        explain_imports=bool(getattr(namespace, "fcm_explain_imports", False)),
        native=tuple(config.getini("fastcollect_meta_native")),
        ordered=tuple(config.getini("fastcollect_meta_ordered")),
        manifest=manifest_option(config, namespace),
        time_limit=_number(config, "fastcollect_meta_time_limit", "seconds"),
        worker_memory=int(_number(config, "fastcollect_meta_worker_memory", "MiB") * (1 << 20)),
        imports=_imports(config),
    )
