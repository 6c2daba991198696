"""A project whose dependencies are known, and changes to it, each with the test files that must notice.

`FILES` is the project and `USES` says what each of its test files depends on, so that every change tells by itself
which records have become stale and which must still be served. Parameters are made from what the helper modules read,
so the changes that matter change the list of tests, too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FILES: Mapping[str, str] = {
    "pytest.ini": "[pytest]\npythonpath = lib\npython_files = test_*.py check_*.py\n",
    "notes.txt": "nobody reads this\n",
    "conftest.py": "import shared_by_all\n",
    "lib/shared_by_all.py": "ALL = ['all']\n",
    "lib/helper.py": "from deep import inner\n\nDATA = inner.DATA\n",
    "lib/deep/__init__.py": "DEPTH = 1\n",
    "lib/deep/inner.py": (
        "import json\nimport pathlib\n\n"
        "DATA = json.loads(pathlib.Path(__file__).with_name('data.json').read_text())\n"
    ),
    "lib/deep/data.json": '["x", "y"]\n',
    "lib/deep/unused.py": "UNUSED = 1\n",
    "lib/settings.py": "import os\n\nMODE = os.environ.get('APP_MODE', 'plain')\n",
    "lib/prefixed.py": (
        "import os\n\nFOUND = ['always', *sorted(k for k in os.environ if k.startswith('APP_OPT_'))]\n"
    ),
    "lib/optional.py": (
        "try:\n    import extra\nexcept ImportError:\n    NAMES = ['without']\n"
        "else:\n    NAMES = extra.NAMES\n"
    ),
    "lib/listing.py": (
        "import os\nimport pathlib\n\nCASES = sorted(os.listdir(pathlib.Path(__file__).with_name('cases')))\n"
    ),
    "lib/cases/one.txt": "1\n",
    "lib/cases/two.txt": "2\n",
    "lib/space/part.py": "PARTS = ['part']\n",
    "lib/lazy.py": (
        "import importlib\n\n\ndef __getattr__(name):\n"
        "    if name != 'target':\n        raise AttributeError(name)\n"
        "    globals()[name] = module = importlib.import_module('lazy_' + name)\n    return module\n"
    ),
    "lib/lazy_target.py": "LAZY = ['lazy']\n",
    "lib/memo.py": (
        "import functools\nimport pathlib\n\n\n@functools.lru_cache\ndef words():\n"
        "    return pathlib.Path(__file__).with_name('words.txt').read_text().split()\n"
    ),
    "lib/words.txt": "some words\n",
    "lib/for_a.py": "FOR_A = 1\n",
    "lib/unrelated.py": "NOTHING = 1\n",
    "tests/a/conftest.py": "import for_a\n",
    "tests/a/test_plain.py": "def test_plain():\n    pass\n",
    "tests/a/test_helper.py": (
        "import pytest\n\nimport helper\n\n\n"
        "@pytest.mark.parametrize('value', helper.DATA)\ndef test_helper(value):\n    pass\n"
    ),
    "tests/a/test_settings.py": (
        "import prefixed\nimport pytest\nimport settings\n\n\n"
        "@pytest.mark.parametrize('value', [settings.MODE, *prefixed.FOUND])\n"
        "def test_settings(value):\n    pass\n"
    ),
    "tests/a/test_memo.py": (
        "import memo\nimport pytest\n\n\n"
        "@pytest.mark.parametrize('value', memo.words())\ndef test_memo(value):\n    pass\n"
    ),
    "tests/a/test_memo_again.py": (
        "import memo\nimport pytest\n\n\n"
        "@pytest.mark.parametrize('value', memo.words())\ndef test_again(value):\n    pass\n"
    ),
    "tests/b/__init__.py": "PACKAGE = 1\n",
    "tests/b/values.txt": "10 20\n",
    "tests/b/test_values.py": (
        "import os\n\nimport pytest\n\n"
        "with open(os.path.join(os.path.dirname(__file__), 'values.txt')) as file:\n    VALUES = file.read().split()\n\n\n"
        "@pytest.mark.parametrize('value', VALUES)\ndef test_values(value):\n    pass\n"
    ),
    "tests/b/test_base.py": "class TestBase:\n    def test_inherited(self):\n        pass\n",
    "tests/b/test_derived.py": (
        "from .test_base import TestBase\n\n\nclass TestDerived(TestBase):\n    pass\n"
    ),
    "tests/b/test_listing.py": (
        "import listing\nimport pytest\n\n\n"
        "@pytest.mark.parametrize('case', listing.CASES)\ndef test_case(case):\n    pass\n"
    ),
    "tests/b/test_optional.py": (
        "import pytest\n\nfrom optional import NAMES\n\n\n"
        "@pytest.mark.parametrize('name', NAMES)\ndef test_optional(name):\n    pass\n"
    ),
    "tests/c/check_space.py": (
        "import pytest\nimport space.part\n\n\n"
        "@pytest.mark.parametrize('part', space.part.PARTS)\ndef test_space(part):\n    pass\n"
    ),
    "tests/c/check_lazy.py": (
        "import lazy\nimport pytest\n\n\n"
        "@pytest.mark.parametrize('value', lazy.target.LAZY)\ndef test_lazy(value):\n    pass\n"
    ),
    "tests/c/test_lazy_again.py": (
        "import lazy\nimport pytest\n\n\n"
        "@pytest.mark.parametrize('value', lazy.target.LAZY)\ndef test_lazy(value):\n    pass\n"
    ),
    "tests/c/one.yaml": "1\n",
    "tests/c/test_glob.py": (
        "import glob\nimport os\n\nimport pytest\n\nHERE = os.path.dirname(__file__)\n\n\n"
        "@pytest.mark.parametrize('path', sorted(map(os.path.basename, glob.glob(HERE + '/*.yaml'))))\n"
        "def test_glob(path):\n    pass\n"
    ),
}

_DEEP = frozenset({"lib/deep/__init__.py", "lib/deep/inner.py", "lib/deep/data.json"})
_EVERY = frozenset({"conftest.py", "lib/shared_by_all.py"})
_A = frozenset({"tests/a/conftest.py", "lib/for_a.py"})
_MEMO = frozenset({"lib/memo.py", "lib/words.txt"})
_LAZY = frozenset({"lib/lazy.py", "lib/lazy_target.py"})
_B = frozenset({"tests/b/__init__.py"})

#: What each test file reads, by itself or through what it imports, besides itself.
USES: Mapping[str, frozenset[str]] = {
    "tests/a/test_plain.py": _EVERY | _A,
    "tests/a/test_helper.py": _EVERY | _A | _DEEP | {"lib/helper.py"},
    "tests/a/test_settings.py": _EVERY | _A | {"lib/settings.py", "lib/prefixed.py"},
    "tests/a/test_memo.py": _EVERY | _A | _MEMO,
    "tests/a/test_memo_again.py": _EVERY | _A | _MEMO,
    "tests/b/test_values.py": _EVERY | _B | {"tests/b/values.txt"},
    "tests/b/test_base.py": _EVERY | _B,
    "tests/b/test_derived.py": _EVERY | _B | {"tests/b/test_base.py"},
    "tests/b/test_listing.py": _EVERY | _B | {"lib/listing.py"},
    "tests/b/test_optional.py": _EVERY | _B | {"lib/optional.py"},
    "tests/c/check_space.py": _EVERY | {"lib/space/part.py"},
    "tests/c/check_lazy.py": _EVERY | _LAZY,
    "tests/c/test_lazy_again.py": _EVERY | _LAZY,
    "tests/c/test_glob.py": _EVERY,
}
TESTS = frozenset(USES)

#: Folders that a test file lists: it notices when an entry comes or goes.
LISTS: Mapping[str, frozenset[str]] = {
    "tests/b/test_listing.py": frozenset({"lib/cases"}),
    "tests/c/test_glob.py": frozenset({"tests/c"}),
}


@dataclass(frozen=True)
class Change:
    """One change to the project, or to how pytest is run on it.

    `notice` are the test files whose records are stale after it, `keep` those whose records must still be served; a
    file in neither may go either way. A test file that is gone is in neither.
    """

    name: str
    kind: str
    notice: frozenset[str]
    keep: frozenset[str]
    apply: Callable[[Path], None] = lambda folder: None
    environ: Mapping[str, str] = field(default_factory=dict)
    args: tuple[str, ...] = ()


def write(folder: Path) -> None:
    """Writes the project, and nothing else, into a folder; what is there already and the same stays untouched."""
    for path in sorted(folder.rglob("*"), reverse=True):
        name = str(path.relative_to(folder))
        if path.is_dir() and not path.is_symlink():
            if not any(file.startswith(name + "/") for file in FILES):
                shutil.rmtree(path)
        elif name not in FILES:
            path.unlink()
    for name, text in FILES.items():
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)


def users(name: str) -> frozenset[str]:
    """Test files that read a file."""
    return frozenset(test for test, used in USES.items() if name == test or name in used)


def listers(name: str) -> frozenset[str]:
    """Test files that list the folder of a file."""
    folder = name.rpartition("/")[0]
    return frozenset(test for test, folders in LISTS.items() if folder in folders)


def below(folder: str) -> frozenset[str]:
    """Test files in or below a folder."""
    return frozenset(test for test in TESTS if test.startswith(folder + "/"))


def changes() -> list[Change]:
    """All changes, at least 200, in an order that is always the same; their names are unique."""
    found = [*_to_files(), *_new_files(), *_runs()]
    names = {change.name for change in found}
    assert len(names) == len(found) >= 200
    return found


# Changes to one file


def _to_files() -> Iterator[Change]:
    for name in FILES:
        if name == "pytest.ini":
            continue  # see _runs
        used = users(name)
        others = TESTS - used
        yield Change(f"edit {name}", "edit", used, others, _edit(name))
        yield Change(f"rewrite {name}", "edit", used, others, _rewrite(name))
        yield Change(f"touch {name}", "touch", frozenset(), TESTS, _touch(name))
        listed = listers(name)
        # The folder of a namespace package that is empty is still a package; whoever used the file notices.
        gone = {name} if name in TESTS else set()
        yield Change(
            f"delete {name}", "delete", (used | listed) - gone, others - listed, _delete(name)
        )
        yield Change(
            f"rename {name}", "rename", (used | listed) - gone, others - listed, _rename(name)
        )
        yield Change(f"replace {name}", "touch", frozenset(), TESTS - listed, _replace(name))


def _edit(name: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / name
        text = path.read_text()
        if name.endswith(".json"):
            text = text.replace('"y"', '"y", "z"')
        elif name.endswith(".py"):
            text += f"\n\nADDED = 1\n\n\ndef test_added_{abs(hash(name)) % 7}():\n    pass\n"
        else:
            text += "more\n"
        path.write_text(text)

    return apply


_NEXT = str.maketrans("012345678abcdefghijklmnopqrstuvwxy", "123456789bcdefghijklmnopqrstuvwxyz")


def _rewrite(name: str) -> Callable[[Path], None]:
    """Another content of the same size, with the old times."""

    def apply(folder: Path) -> None:
        path = folder / name
        text = path.read_text()
        old = path.stat()
        path.write_text("#" + text[1:] if name.endswith(".py") else text.translate(_NEXT))
        os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns + 1_000_000_000))

    return apply


def _touch(name: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        os.utime(folder / name, (1_600_000_000, 1_600_000_000))

    return apply


def _replace(name: str) -> Callable[[Path], None]:
    """A new file with the same content, as a checkout makes it."""

    def apply(folder: Path) -> None:
        path = folder / name
        text = path.read_text()
        path.unlink()
        path.write_text(text)

    return apply


def _delete(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _rename(name: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / name
        path.rename(path.with_name("moved_" + path.name))

    return apply


# Files that appear


def _new_files() -> Iterator[Change]:
    nothing: frozenset[str] = frozenset()
    helper = users("lib/helper.py")
    yes: list[tuple[str, str, frozenset[str]]] = [
        ("lib/extra.py", "NAMES = ['with', 'extra']\n", users("lib/optional.py")),
        ("lib/extra/__init__.py", "NAMES = ['package']\n", users("lib/optional.py")),
        ("extra.py", "NAMES = ['root']\n", users("lib/optional.py")),
        ("lib/space/__init__.py", "", users("lib/space/part.py")),
        ("lib/helper/__init__.py", "DATA = ['package']\n", helper),
        ("tests/a/helper.py", "DATA = ['shadow']\n", helper),
        ("lib/deep/inner/__init__.py", "DATA = ['package']\n", helper),
        ("tests/a/settings.py", "MODE = 'shadow'\n", users("lib/settings.py")),
        ("tests/a/memo/__init__.py", "def words(): return ['shadow']\n", users("lib/memo.py")),
        ("tests/conftest.py", "collect_ignore = []\n", TESTS),
        ("tests/b/conftest.py", "B = 1\n", below("tests/b")),
        ("tests/c/conftest.py", "C = 1\n", below("tests/c")),
        ("tests/__init__.py", "", TESTS),
        ("tests/a/__init__.py", "", below("tests/a")),
        ("tests/c/__init__.py", "", below("tests/c")),
        ("__init__.py", "", TESTS),
        ("lib/cases/three.txt", "3\n", users("lib/listing.py")),
        ("lib/cases/more/four.txt", "4\n", users("lib/listing.py")),
        ("tests/c/two.yaml", "2\n", users("tests/c/test_glob.py")),
    ]
    for name, text, notice in yes:
        keep = TESTS - notice - (below("tests/c") if name.startswith("tests/c/") else nothing)
        yield Change(f"add {name}", "add", notice, keep, _add(name, text))
    no = [
        "tests/a/test_new.py",
        "tests/b/test_new.py",
        "tests/b/notes.txt",
        "tests/d/test_new.py",
        "tests/d/conftest.py",
        "lib/another.py",
        "lib/deep/another.py",
        "lib/deep/more.json",
        "lib/nothing/__init__.py",
        "other/conftest.py",
        "docs/index.txt",
        "README",
    ]
    for name in no:
        yield Change(
            f"add {name}", "add", nothing, TESTS, _add(name, "def test_new():\n    pass\n")
        )


def _add(name: str, text: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return apply


# Other runs of the same files


def _runs() -> Iterator[Change]:
    nothing: frozenset[str] = frozenset()
    settings = users("lib/settings.py")
    variables: list[tuple[dict[str, str], frozenset[str]]] = [
        ({"APP_MODE": "fancy"}, settings),
        ({"APP_MODE": ""}, settings),
        ({"APP_OPT_ONE": "1"}, settings),
        ({"APP_OPT_TWO": "", "OTHER": "1"}, settings),
        ({"APP": "1"}, nothing),
        ({"APP_OP": "1"}, nothing),
        ({"UNRELATED": "1"}, nothing),
        ({"SHLVL": "9", "COLUMNS": "44"}, nothing),
    ]
    for environ, notice in variables:
        name = " ".join(f"{key}={value}" for key, value in environ.items())
        yield Change(f"variable {name}", "variable", notice, TESTS - notice, environ=environ)
    everything = [
        ("--import-mode=importlib",),
        ("-W", "error::ImportWarning"),
        ("-o", "python_functions=test check"),
        ("-o", "python_classes=Test Check"),
        ("--doctest-modules",),
        ("--assert=plain",),
        ("--strict-markers",),
    ]
    for args in everything:
        yield Change(f"option {' '.join(args)}", "option", TESTS, nothing, args=args)
    selecting = [
        ("-k", "helper"),
        ("-v",),
        ("-rA",),
        ("--maxfail=2",),
        ("tests/b",),
        ("--tb=short",),
    ]
    for args in selecting:
        yield Change(f"option {' '.join(args)}", "option", nothing, TESTS, args=args)
    ini = FILES["pytest.ini"]
    configs = [
        ("config: functions", "pytest.ini", ini + "python_functions = test_* it_*\n"),
        ("config: filterwarnings", "pytest.ini", ini + "filterwarnings = error::ImportWarning\n"),
        ("config: path", "pytest.ini", ini.replace("= lib", "= lib other")),
        ("config: another file", "pytest.toml", "[pytest]\npythonpath = ['lib']\n"),
    ]
    for name, file, text in configs:
        yield Change(name, "config", TESTS, nothing, _add(file, text))
