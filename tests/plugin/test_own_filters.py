"""Warning filters that a test file sets hold for the files after it, without its import."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from inner import pytest_output, write
from test_manifest import command

COLLECT = ("--collect-only", "-q", "-p", "no:randomly")
TEST = "\ndef test(): pass\n"


def both(folder: Path, *args: str, status: int = 0) -> str:
    """What the plugin says of its files, where it lists what pytest alone lists, with the same warnings and errors."""
    native = pytest_output(folder, *args, plugin=False, status=status)
    said = pytest_output(folder, *args, status=status)
    assert _told(said) == _told(native)
    found = re.search(r"fastcollect-meta: \d+ files \((.*?)\), (\d+) imported", said)
    assert found, said
    return f"{found[1]}; {found[2]}"


def _told(output: str) -> list[str]:
    return [line for line in output.splitlines() if re.search("::|Warning: |^ERROR |^E  ", line)]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    write(
        tmp_path,
        test_a="import warnings\nwarnings.warn('before')" + TEST,
        test_b="import warnings\nwarnings.warn('own')\n"
        "warnings.filterwarnings('ignore', 'Of no', UserWarning, 'test_[cd]', 3)\n"
        "warnings.simplefilter('error', ImportWarning)\nwarnings.warn('also own')" + TEST,
        test_c="import warnings\nwarnings.warn('of some interest')\nwarnings.warn('of no interest')"
        + TEST,
        test_d="import warnings\nwarnings.warn('of some')\nwarnings.warn('of no')" + TEST,
        test_e=TEST,
    )
    return tmp_path


def test_nothing_is_imported_for_them(suite: Path) -> None:
    # c and d raise warnings, which only this process can filter as b wants it
    assert both(suite, *COLLECT) == "3 farm, 2 natively; 0"
    assert both(suite, *COLLECT) == "3 manifest, 2 natively; 0"
    status, ids, _ = command(suite, "list")
    assert (status, ids) == (3, ["test_a.py::test", "test_b.py::test", "test_e.py::test"])


def test_a_warning_that_becomes_an_error(suite: Path) -> None:
    raising = "import warnings\nwarnings.warn('imported', ImportWarning)" + TEST
    (suite / "test_c.py").write_text(raising)
    for origin in ("farm", "manifest"):
        assert both(suite, *COLLECT, status=2) == f"3 {origin}, 2 natively; 0"
    # without b it is none
    assert both(suite, *COLLECT, "test_c.py") == "1 manifest; 0"


def test_filters_end_with_collection(suite: Path) -> None:
    warns = "\ndef test():\n    import warnings\n    warnings.warn('of no')\n" * 2
    (suite / "test_e.py").write_text(warns)
    for origin in ("farm", "manifest"):
        assert both(suite, "-v").startswith(f"3 {origin}, 2 natively")


def test_an_edited_file_sets_others(suite: Path) -> None:
    both(suite, *COLLECT)
    path = suite / "test_b.py"
    path.write_text(path.read_text().replace("Of no", "Of some"))
    assert both(suite, *COLLECT) == "1 here, 2 manifest, 2 natively; 0"
    assert both(suite, *COLLECT) == "3 manifest, 2 natively; 0"


@pytest.mark.parametrize(
    "change",
    [
        "warnings.simplefilter('ignore', append=True)",
        "warnings.resetwarnings()",
        "class Own(Warning): __qualname__ = 'hidden'\nwarnings.simplefilter('ignore', Own)",
        "import re\nwarnings.filters.insert(0, ('ignore', re.compile('A', re.X), Warning, None, 0))",
    ],
)
def test_what_a_record_cannot_hold(tmp_path: Path, change: str) -> None:
    write(tmp_path, test_a=f"import warnings\n{change}\n" + TEST, test_b=TEST)
    for origin in ("farm", "manifest"):
        assert both(tmp_path, *COLLECT) == f"1 {origin}, 1 natively; 0"


@pytest.mark.parametrize("folder", ["", "folder__"])
def test_the_same_as_others_set(tmp_path: Path, folder: str) -> None:
    # pytest drops what a conftest of the root folder sets
    sets = "import warnings\nwarnings.filterwarnings('ignore', 'of no')\n"
    warns = "warnings.warn('of no')" + TEST
    files = {"conftest": sets, "test_a": sets + TEST, "test_b": sets + warns}
    write(tmp_path, **{folder + name: text for name, text in files.items()})
    for origin in ("farm", "manifest"):
        assert both(tmp_path, *COLLECT) == f"2 {origin}; 0"


def test_a_category_of_the_file_itself(tmp_path: Path) -> None:
    own = "import warnings\nclass Own(Warning): pass\nwarnings.simplefilter('ignore', Own)"
    write(tmp_path, test_a=own + TEST, test_b=TEST)
    for origin in ("farm", "manifest"):
        assert both(tmp_path, *COLLECT) == f"1 {origin}, 1 natively; 0"


def test_a_file_that_is_skipped_as_a_whole(suite: Path) -> None:
    path = suite / "test_b.py"
    path.write_text(
        path.read_text() + "import pytest\npytest.skip('all of it', allow_module_level=True)"
    )
    for origin in ("farm", "manifest"):
        assert both(suite, *COLLECT).startswith(f"3 {origin}, 2 natively")
