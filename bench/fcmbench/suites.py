"""The suites: what is listed, from where, and where their files lie."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fcmbench.generate import generate

# Has Django's settings.
_SETTINGS = Path(__file__).resolve().parents[2] / "tests" / "conformance" / "support"


class Unavailable(Exception):
    """The suite can't be measured here; the text says why."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite that is ready: pytest's arguments, where to run it, and a folder with its test files.

    `run_args` names a part that is quick enough to be run, None where nothing is to be run. `options` stand
    in each command line, `listing` makes pytest print one node id a line. `package` is what was installed
    for it, "" where it is generated. `rounds` and `fewer` are how often its scenarios are measured (see
    scenarios.CENTRAL), `scenarios` which, if not all.
    """

    name: str
    args: tuple[str, ...]
    cwd: Path
    files: Path
    env: dict[str, str] = field(default_factory=lambda: {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    keyword: str = "basic"
    run_args: tuple[str, ...] | None = None
    options: tuple[str, ...] = ()
    listing: tuple[str, ...] = ("--collect-only", "-q")
    package: str = ""
    rounds: int = 3
    fewer: int = 1
    scenarios: tuple[str, ...] | None = None


def _installed(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise Unavailable(f"{package} is not installed")
    return Path(spec.origin).parent


def _pyargs(
    name: str,
    package: str,
    keyword: str,
    run: tuple[str, ...] = (),
    rounds: int = 3,
    fewer: int = 1,
) -> Callable[[Path], Suite]:
    def make(work: Path) -> Suite:
        return Suite(
            name,
            ("--pyargs", package),
            _empty(work),
            _installed(package),
            keyword=keyword,
            run_args=("--pyargs", *run) if run else None,
            package=name,
            rounds=rounds,
            fewer=fewer,
        )

    return make


def _empty(work: Path) -> Path:
    """A folder with nothing in it, to start pytest in."""
    folder = work / "empty"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _sdist(work: Path, project: str) -> Path:
    """The unpacked source distribution of the installed version of `project`."""
    try:
        version = importlib.metadata.version(project)
    except importlib.metadata.PackageNotFoundError:
        raise Unavailable(f"{project} is not installed") from None
    target = work / "sdist"
    wanted = re.sub(r"[-_.]+", "-", f"{project}-{version}").lower()

    def unpacked() -> Path | None:
        for path in target.iterdir():
            if path.is_dir() and re.sub(r"[-_.]+", "-", path.name).lower() == re.sub(
                r"[-_.]+", "-", wanted
            ):
                return path
        return None

    target.mkdir(parents=True, exist_ok=True)
    if (there := unpacked()) is not None:
        return there
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--no-binary",
                ":all:",
            ),
            *("--dest", str(target), f"{project}=={version}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    archives = sorted(target.glob("*.tar.gz"))
    if done.returncode or not archives:
        raise Unavailable(f"no source distribution of {project} {version}: {done.stderr[-300:]}")
    for archive in archives:
        with tarfile.open(archive) as tar:
            if hasattr(tarfile, "data_filter"):
                tar.extractall(target, filter="data")
            else:
                tar.extractall(target)
        archive.unlink()
    if (there := unpacked()) is None:
        raise Unavailable(f"{wanted} is not in its source distribution")
    return there


def _sqlalchemy(work: Path) -> Suite:
    folder = _sdist(work, "sqlalchemy")
    return Suite(
        "sqlalchemy",
        ("test",),
        folder,
        folder / "test",
        keyword="test_basic",
        # its own options hold a -v
        listing=("--collect-only", "-qq"),
        package="sqlalchemy",
    )


def _django(work: Path) -> Suite:
    folder = _sdist(work, "django") / "tests"
    return Suite(
        "django",
        (".",),
        folder,
        folder,
        {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(_SETTINGS)},
        # its files are named by the pattern of its own runner; gis_tests needs libraries
        options=(
            "-p",
            "pytest_django.plugin",
            "--ds=django_test_settings",
            "-o",
            "python_files=test*.py tests.py",
            "--ignore=gis_tests",
        ),
        keyword="test_basic",
        package="django",
    )


def _pytest(work: Path) -> Suite:
    folder = _sdist(work, "pytest")
    return Suite(
        "pytest",
        ("testing",),
        folder,
        folder / "testing",
        keyword="test_basic",
        package="pytest",
        rounds=5,
        fewer=3,
    )


def _generated(tests: int, per_file: int) -> Callable[[Path], Suite]:
    name = f"gen-{tests}x{per_file}"

    def make(work: Path) -> Suite:
        folder = work / name
        generate(folder, tests, per_file)
        small, huge = tests <= 10_000, tests > 200_000
        return Suite(
            name,
            (".",),
            folder,
            folder,
            keyword="method_1",
            # where tests do nothing, ten thousand of them take seconds
            run_args=(".",) if tests == 10_000 else None,
            rounds=5 if small else 1 if huge else 2,
            fewer=3 if small else 1,
            scenarios=("cold", "warm", "list") if huge else None,
        )

    return make


SUITES: dict[str, Callable[[Path], Suite]] = {
    "pytest": _pytest,
    "networkx": _pyargs(
        "networkx", "networkx", "clique", ("networkx.generators", "networkx.classes"), 5, 3
    ),
    "sympy": _pyargs("sympy", "sympy", "integrate"),
    "numpy": _pyargs("numpy", "numpy", "broadcast", ("numpy.lib",)),
    "scikit-learn": _pyargs("scikit-learn", "sklearn", "ridge"),
    "sqlalchemy": _sqlalchemy,
    "django": _django,
    "pandas": _pyargs("pandas", "pandas", "groupby"),
}
for _tests, _per_file in (
    (1_000, 10),
    (10_000, 100),
    (100_000, 100),
    (100_000, 1_000),
    (1_000_000, 1_000),
):
    SUITES[f"gen-{_tests}x{_per_file}"] = _generated(_tests, _per_file)


def get(name: str, work: Path) -> Suite:
    """The suite called `name`, made ready below `work`; also any gen-TESTSxPERFILE. Raises Unavailable."""
    if name in SUITES:
        return SUITES[name](work)
    if found := re.fullmatch(r"gen-(\d+)x(\d+)", name):
        return _generated(int(found[1]), int(found[2]))(work)
    raise Unavailable(f"unknown suite {name}; there are: {', '.join(SUITES)}, gen-TESTSxPERFILE")
