"""Shards: each test in exactly one, the same everywhere, groups undivided, of about the same duration."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import pytest
from fastcollect_meta import _manifest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inner import pytest_output, write
from test_manifest import command

SUITE = """
import pytest

@pytest.mark.parametrize("x", range(5))
def test_many(x): pass

class TestA:
    def test_m(self): pass
    @pytest.mark.parametrize("x", ["a::b", "[c"])
    def test_n(self, x): pass

def test_last(): pass
"""
PLACE = Path(".pytest_cache", "d", "fastcollect-meta")

names = st.sampled_from(
    ["test_a", "test_b", "TestA::test_c", "TestA::TestB::test_d", "TestA::test_e"]
)
parameters = st.sampled_from(["", "[1]", "[2]", "[x::y]", "[é[z]]"])
test_ids = st.builds(
    lambda file, name, parameter: f"tests/test_{file}.py::{name}{parameter}",
    st.integers(0, 5),
    names,
    parameters,
)


def group(test: str, by: str) -> str:
    file, _, rest = test.partition("::")
    name = rest.partition("[")[0]
    if by == "class":
        name = name.partition("::")[0]
    return {"test": test, "file": file}.get(by, f"{file}::{name}")


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    tests=st.lists(test_ids, max_size=60),
    count=st.integers(1, 9),
    by=st.sampled_from(["test", "function", "class", "file"]),
    known=st.dictionaries(test_ids, st.floats(0, 1e6), max_size=20),
    seed=st.integers(0, 1000),
)
def test_shards_are_a_partition(
    tests: list[str], count: int, by: str, known: dict[str, float], seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        durations = ""
        if known:
            durations = os.path.join(folder, "durations")
            timed = sorted((test.encode(), seconds) for test, seconds in known.items())
            _manifest.add_durations(durations, timed, folder)
        shards = {}
        for index in range(1, count + 1):
            chosen = _manifest.shard([t.encode() for t in tests], f"{index}/{count}", by, durations)
            for test, ours in zip(tests, chosen, strict=True):
                assert not ours or shards.setdefault(test, index) == index
        assert shards.keys() == set(tests)
        groups: dict[str, int] = {}
        for test, index in shards.items():
            assert groups.setdefault(group(test, by), index) == index
        shuffled = tests[:]
        random.Random(seed).shuffle(shuffled)
        again = _manifest.shard([t.encode() for t in shuffled], f"1/{count}", by, durations)
        assert {t for t, ours in zip(shuffled, again, strict=True) if ours} == {
            t for t in tests if shards[t] == 1
        }


def test_shards_take_equally_long(tmp_path: Path) -> None:
    tests = [f"test_a.py::test_{i:03}".encode() for i in range(200)]
    seconds = [(test, 10.0 if i < 20 else 0.1) for i, test in enumerate(tests)]
    path = str(tmp_path / "durations")
    _manifest.add_durations(path, seconds, str(tmp_path))
    # a later run of a few leaves what is known of the others
    _manifest.add_durations(path, [(tests[0], 11.0)], str(tmp_path))
    for index in (1, 2, 3):
        chosen = _manifest.shard(tests, f"{index}/3", "test", path)
        taken = sum(s for (_, s), ours in zip(seconds, chosen, strict=True) if ours)
        assert 60 < taken < 80
    even = [sum(_manifest.shard(tests, f"{i}/4", "test", "")) for i in (1, 2, 3, 4)]
    assert even == [50, 50, 50, 50]


def ids(said: str) -> list[str]:
    return [line for line in said.partition("\n\n")[0].splitlines() if "::" in line]


def test_runs_of_shards(tmp_path: Path) -> None:
    write(tmp_path, a__test_a=SUITE, b__test_b=SUITE, c__test_c="def test_c():\n    pass\n")
    every = ids(pytest_output(tmp_path, "--collect-only", "-q"))
    parts: list[list[str]] = []
    for index in (1, 2, 3):
        shard = f"--shard={index}/3"
        listed = ids(pytest_output(tmp_path, "--collect-only", "-q", shard))
        ran = pytest_output(tmp_path, "-q", shard, "--shard-by=test", "-v")
        assert f"{len(listed)} passed, {len(every) - len(listed)} deselected" in ran
        parts.append(listed)
        assert command(tmp_path, "shard", f"{index}/3")[:2] == (0, listed)
    assert sorted(test for part in parts for test in part) == sorted(every)
    # running one of them hasn't changed how the next was planned; merging does
    assert not list((tmp_path / PLACE).glob("*.durations"))
    (manifest,) = (tmp_path / PLACE).glob("*.manifest")
    assert command(tmp_path, "merge", "-o", str(manifest))[0] == 0
    elsewhere = tmp_path / "elsewhere.manifest"
    assert command(tmp_path, "merge", "-o", str(elsewhere), str(manifest))[0] == 0
    for index in (1, 2):
        planned = ids(pytest_output(tmp_path, "--collect-only", "-q", f"--shard={index}/2"))
        _, lines, err = command(tmp_path, "shard", f"{index}/2")
        assert (lines, err.count("durations")) == (planned, 0)
        assert command(tmp_path, "shard", f"--manifest={elsewhere}", f"{index}/2")[1] == planned


def test_only_modules_of_the_shard_are_imported(tmp_path: Path) -> None:
    write(tmp_path, **{f"test_{name}": "def test_it():\n    pass\n" for name in "abcd"})
    pytest_output(tmp_path, "--collect-only", "-q")
    said = pytest_output(tmp_path, "-q", "--shard=2/4")
    assert "4 files (4 manifest), 1 imported here since" in said
    assert "1 passed, 3 deselected" in said


@pytest.mark.parametrize("value", ["0/2", "3/2", "1", "a/b", "1/99999", "-1/2", "1/2/3"])
def test_no_shard(tmp_path: Path, value: str) -> None:
    write(tmp_path, test_a="def test_a():\n    pass\n")
    assert "--shard: expected I/N" in pytest_output(tmp_path, f"--shard={value}", status=4)
    assert command(tmp_path, "shard", "--", value)[0] == 2


def test_merge_of_what_is_none(tmp_path: Path) -> None:
    write(tmp_path, test_a="def test_a():\n    pass\n", **{"text.manifest": "text\n"})
    pytest_output(tmp_path, "--collect-only", "-q", "--manifest=good.manifest")
    old = (tmp_path / "good.manifest").read_bytes()
    status, _, err = command(tmp_path, "merge", "-o", "good.manifest", "text.manifest")
    assert status == 1 and "it is not a manifest" in err and len(err.splitlines()) == 1
    assert command(tmp_path, "merge", "-o", "good.manifest", "missing.manifest")[0] == 1
    assert (tmp_path / "good.manifest").read_bytes() == old
