"""Generates test suites of any size: `python -m fcmbench.generate FOLDER TESTS PER_FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

FILES_PER_PACKAGE = 50

_HEAD = '''"""Generated: file {number}."""

import pytest


@pytest.fixture
def value_{number}():
    return {number}

'''


def file_text(number: int, tests: int) -> str:
    """The text of file `number` with exactly `tests` tests.

    Of ten tests four are parameters of one function, three are plain functions, two are methods of a class
    and one has a marker and a fixture, in this order as long as tests are left.
    """
    out = [_HEAD.format(number=number)]
    left = tests
    block = 0
    while left > 0:
        params = min(4, left)
        left -= params
        out.append(
            f"\n@pytest.mark.parametrize('n', range({params}))\n"
            f"def test_parameters_{block}(n):\n    assert n >= 0\n"
        )
        for index in range(min(3, left)):
            out.append(f"\ndef test_plain_{block}_{index}():\n    assert {index} >= 0\n")
        left -= min(3, left)
        methods = min(2, left)
        left -= methods
        if methods:
            out.append(f"\nclass TestGroup{block}:\n")
            for index in range(methods):
                out.append(f"    def test_method_{index}(self):\n        assert self\n\n")
        if left:
            left -= 1
            out.append(
                f"\n@pytest.mark.slow\ndef test_fixture_{block}(value_{number}):\n"
                f"    assert value_{number} == {number}\n"
            )
        block += 1
    return "\n".join(out)


def generate(folder: Path, tests: int, per_file: int) -> None:
    """Write a suite of `tests` tests in files of `per_file` into `folder`, unless it is there."""
    done = folder / ".complete"
    wanted = f"{tests} {per_file}\n"
    if done.exists() and done.read_text() == wanted:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow: slow tests\n")
    number = 0
    for first in range(0, tests, per_file):
        package = folder / f"package_{number // FILES_PER_PACKAGE:04d}"
        if number % FILES_PER_PACKAGE == 0:
            package.mkdir(exist_ok=True)
            (package / "__init__.py").write_text("")
        text = file_text(number, min(per_file, tests - first))
        (package / f"test_{number:06d}.py").write_text(text)
        number += 1
    done.write_text(wanted)


if __name__ == "__main__":
    generate(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
