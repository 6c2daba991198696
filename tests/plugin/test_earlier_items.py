"""A collector that asks which tests were collected before it yields what it does natively, from the farm or the manifest."""

from __future__ import annotations

from pathlib import Path

import pytest
from inner import pytest_output, write

#: The first file also yields a status, as pytest-mypy has it.
CONFTEST = """
import pytest

class CheckedFile(pytest.File):
    def collect(self):
        yield CheckItem.from_parent(self, name="check")
        if not any(isinstance(item, StatusItem) for item in self.session.items):
            yield StatusItem.from_parent(self, name="status")

class CheckItem(pytest.Item):
    def runtest(self): pass

class StatusItem(CheckItem):
    pass

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".checked":
        return CheckedFile.from_parent(parent, path=file_path)
"""


@pytest.mark.parametrize("args", [("--collect-only", "-q"), ("-v",)])
def test_only_the_first_has_a_status(tmp_path: Path, args: tuple[str, ...]) -> None:
    write(tmp_path, conftest=CONFTEST, test_plain="def test_plain(): pass")
    for name in "abc":
        (tmp_path / f"{name}.checked").touch()

    def ids(said: str) -> list[str]:
        return [line.split()[0] for line in said.splitlines() if "::" in line]

    expected = ids(pytest_output(tmp_path, *args, plugin=False))
    assert expected[:3] == ["a.checked::check", "a.checked::status", "b.checked::check"]
    for origin in ("farm", "manifest"):
        said = pytest_output(tmp_path, *args, "--collect-report")
        assert ids(said) == expected
        assert f"(1 {origin}, 3 natively)" in said
        assert "3 x reads-earlier-tests" in said
    # few files are collected in forks of the main process, where the list is there
    (tmp_path / "a.checked").write_text("changed")
    assert ids(pytest_output(tmp_path, *args)) == expected
    (tmp_path / "a.checked").unlink()
    said = pytest_output(tmp_path, *args, plugin=False)
    assert "b.checked::status" in said
    assert ids(pytest_output(tmp_path, *args)) == ids(said)
