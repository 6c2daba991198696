"""Tests are brought together by parameters of high scopes as pytest does, wherever those without any stand between them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from inner import pytest_output, write

PLAIN = (
    "def test_one(): pass\n\ndef test_two(): pass\n\nclass TestC:\n    def test_three(self): pass\n"
)
CONFTEST = """
import pytest

@pytest.fixture(scope="session", params=["s", "t"])
def shared(request): return request.param
"""
SCOPES = ("session", "package", "module", "class")


def module(choice: random.Random) -> str:
    """Some tests with and without parameters of high scopes, in classes and outside."""
    lines = ["import pytest"]
    for number in range(choice.randint(1, 5)):
        indent, self = "", ""
        if choice.random() < 0.3:
            lines.append(f"class Test{number}:")
            indent, self = "    ", "self, "
        for name in ("a", "b")[: choice.randint(1, 2)]:
            arguments = []
            for argument in ("x", "y"):
                if choice.random() < 0.4:
                    values = choice.sample(range(4), choice.randint(1, 3))
                    scope = choice.choice(SCOPES)
                    lines.append(
                        f"{indent}@pytest.mark.parametrize({argument!r}, {values}, scope={scope!r})"
                    )
                    arguments.append(argument)
            if choice.random() < 0.3:
                arguments.append("shared")
            lines.append(f"{indent}def test_{name}{number}({self}{', '.join(arguments)}): pass")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", range(6))
def test_order_is_pytests(tmp_path: Path, seed: int) -> None:
    choice = random.Random(seed)
    write(tmp_path, conftest=CONFTEST)
    for number in range(12):
        high = choice.random() < 0.5
        write(tmp_path, **{f"test_{number:02}": module(choice) if high else PLAIN})

    def ids(*, plugin: bool) -> list[str]:
        said = pytest_output(tmp_path, "--collect-only", "-q", plugin=plugin)
        assert "error" not in said
        return [line for line in said.splitlines() if "::" in line]

    native = ids(plugin=False)
    files = [line.partition("::")[0] for line in native]
    # pytest 8.0 compares numbers of parameters rather than their values, and moves less
    assert files != sorted(files) or pytest.version_tuple < (8, 1)
    for _ in range(2):
        assert ids(plugin=True) == native
