"""-k and -m on lazy items choose what pytest's own matchers choose among real ones."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from inner import pytest_output, write
from test_manifest import command

#: Evaluates each expression of a file on the same items, in one run.
ASKER = """
import json, pytest
from _pytest import mark

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    with open("given/expressions.json") as file:
        expressions = json.load(file)
    told = []
    config.pluginmanager.register(Told(told))
    answers = []
    for kind, text in expressions:
        option = "keyword" if kind == "k" else "markexpr"
        before = getattr(config.option, option)
        setattr(config.option, option, text)
        chosen = list(items)
        told.clear()
        try:
            (mark.deselect_by_keyword if kind == "k" else mark.deselect_by_mark)(chosen, config)
        except pytest.UsageError as error:
            chosen = str(error)
        else:
            chosen = [item.nodeid for item in chosen]
        setattr(config.option, option, before)
        answers.append([kind, text, chosen, list(told)])
    with open("given/answers.json", "w") as file:
        json.dump(answers, file)

class Told:
    def __init__(self, told):
        self.told = told
    def pytest_deselected(self, items):
        self.told.append([item.nodeid for item in items])
"""

CONFTEST = """
import pytest

class Loud(pytest.Function):
    def listextrakeywords(self):
        return {*super().listextrakeywords(), "Loudness"}

def pytest_pycollect_makeitem(collector, name, obj):
    if name == "test_loud":
        return Loud.from_parent(collector, name=name)

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.name == "test_touched":
            item.add_marker("Added_Later")
            item.add_marker(pytest.mark.sized(n=7), append=False)
            item.extra_keyword_matches.add("Extra_Later")
            item.parent.extra_keyword_matches.add("Extra_Above")
        if item.name == "test_named":
            item.name = "Renamed"
"""

FUNCTIONS = """
import functools, pytest, unittest
pytestmark = [pytest.mark.Whole_File, pytest.mark.sized(n=1, of="file")]

def traced(function):
    @functools.wraps(function)
    def test(*args, **kwargs):
        return function(*args, **kwargs)
    test.Smoke_Attribute = test._hidden = True
    return test

def test_plain(): pass
def test_touched(): pass
def test_named(): pass
def test_loud(): pass
@traced
def test_attribute(): pass
@functools.lru_cache
def test_cached(): pass
@pytest.mark.parametrize("value", ["a-B", "c[d]", "not", "\\u00dcml", "\\u0130x", 3.5])
@pytest.mark.slow
def test_values(value): pass
@pytest.mark.parametrize("value", [pytest.param(1, marks=pytest.mark.one), 2])
def test_TEST_marked(value): pass
@pytest.mark.sized(n=2)
@pytest.mark.sized(n=3, of="text")
def test_sizes(): pass
@pytest.mark.opaque(object())
def test_opaque(): pass
@pytest.mark.sized(n=object())
def test_opaque_size(): pass

@pytest.mark.slow
class TestGroup:
    pytestmark = [pytest.mark.sized(n=None), pytest.mark.skip]
    def test_plain(self): pass
    class TestInner:
        @pytest.mark.one
        def test_deep(self): pass
        test_deep.Attribute_Too = 1

class TestCase(unittest.TestCase):
    def test_case(self): pass
    @pytest.mark.slow
    def test_slow_case(self): pass
"""

WORDS = """
    test TEST_P plain values test_values a-b c[ [c not] \u00dc \u00fc \u0131 i\u0307 3.5 group inner Deep case slow one ONE
    whole_file sized skip later above renamed named touched loud attribute smoke _hidden hidden pytestmark
    __wrapped__ wrapped cache_parameters parametrize opaque .py test_f sub Sub_Folder twin conftest txt
    :: None True False xyzzy
""".split()
MARKS = """
    slow one Whole_File whole_file sized sized(n=1) sized(n=2) sized(n=3,of="text") sized(n=None) sized(of='file')
    sized(n=7) skip parametrize Added_Later slow(n=1) xyzzy xyzzy(n=1) usefixtures unittest
""".split()


def expression(choose: random.Random, words: list[str], depth: int = 0) -> str:
    """A random one; a few aren't valid."""
    kind = choose.randrange(10)
    if depth > 3 or kind < 4:
        word = choose.choice(words)
        return word if choose.random() < 0.8 else word.swapcase()
    if kind < 6:
        return "not " + expression(choose, words, depth + 1)
    if kind == 6:
        return "(" + expression(choose, words, depth + 1) + ")"
    both = [expression(choose, words, depth + 1) for _ in range(2)]
    return choose.choice([" and ", " or ", " "] if depth == 0 else [" and ", " or "]).join(both)


def expressions(seed: int) -> list[tuple[str, str]]:
    choose = random.Random(seed)
    singles = [("k", word) for word in WORDS] + [("m", word) for word in MARKS]
    invalid = [("k", "("), ("k", "a(n=1)"), ("k", "xyzzy and a(n=1)"), ("m", "slow("), ("m", "a b")]
    long = [("k", " or ".join(f"w{number}" for number in range(80)) + " or plain")]
    random_ones = [("k", expression(choose, WORDS)) for _ in range(200)]
    random_ones += [("m", expression(choose, MARKS)) for _ in range(120)]
    return [*singles, *invalid, *long, *random_ones]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    write(
        tmp_path,
        conftest=CONFTEST,
        asker=ASKER,
        test_first=FUNCTIONS,
        Sub_Folder__test_second="def test_plain(): pass\ndef test_touched(): pass\n",
        Sub_Folder__twin__test_natively="import pytest\n@pytest.mark.slow\ndef test_one(): pass\n",
    )
    write(
        tmp_path,
        **{
            "pytest.ini": "[pytest]\npythonpath = .\naddopts = -p asker --doctest-glob=*.txt --import-mode=importlib\n"
            "norecursedirs = .* given\n"
            "fastcollect_meta_native = **/test_natively.py\n"
            "markers =\n slow\n one\n Whole_File\n sized\n opaque\n Added_Later\n",
            "Sub_Folder__text.txt": ">>> 1\n1\n",
            "given__expressions.json": "[]",
        },
    )
    return tmp_path


def answers(suite: Path, *args: str, plugin: bool = True) -> tuple[list[list[Any]], str]:
    """What each expression chose, and what was printed."""
    target = suite / "given/answers.json"
    target.unlink(missing_ok=True)
    said = pytest_output(suite, "--collect-only", "-q", *args, plugin=plugin)
    return json.loads(target.read_text()), said


@pytest.mark.parametrize("seed", range(2))
def test_random_expressions(suite: Path, seed: int) -> None:
    asked = expressions(seed)
    (suite / "given/expressions.json").write_text(json.dumps(asked))
    native, _ = answers(suite, plugin=False)
    # some choose some of them: neither all nor nothing
    assert sum(1 for _, _, chosen, told in native if chosen and told) > 50
    for args in (("--workers=1",), ("--workers=1",), ("--workers=0",)):
        mine, _ = answers(suite, *args)
        for theirs, ours in zip(native, mine):
            assert ours == theirs
        assert len(native) == len(mine)


def test_nothing_is_imported(suite: Path) -> None:
    """Only arguments of a marker that a record doesn't hold make a module import."""
    plain = [("k", word) for word in WORDS] + [
        ("m", word) for word in MARKS if "sized(" not in word
    ]
    (suite / "given/expressions.json").write_text(json.dumps(plain))
    answers(suite, "--workers=1")
    _, said = answers(suite)
    assert re.search(r"\(3 manifest, 1 natively\), 0 imported here since", said), said
    (suite / "given/expressions.json").write_text(json.dumps([("m", "sized(n=2)")]))
    chosen, said = answers(suite)
    imported = 0 if isinstance(chosen[0][2], str) else 1  # older versions know no arguments
    assert re.search(rf"\(3 manifest, 1 natively\), {imported} imported here since", said), said


def test_strict_markers(suite: Path) -> None:
    """An unknown marker in -m is refused as by this version of pytest."""
    asked = [("m", "unheard_of"), ("m", "slow and unheard_of"), ("m", "slow")]
    (suite / "given/expressions.json").write_text(json.dumps(asked))
    native, _ = answers(suite, "--strict-markers", plugin=False)
    assert answers(suite, "--strict-markers")[0] == native


@pytest.mark.parametrize("seed", [2])
def test_list_chooses_the_same(suite: Path, seed: int) -> None:
    """What `fastcollect-meta list` prints, where no plugin changes what it chooses from."""
    (suite / "conftest.py").write_text("")
    asked = [(kind, text) for kind, text in expressions(seed) if text and "conftest" not in text]
    (suite / "given/expressions.json").write_text(json.dumps(asked))
    ignored = ("--ignore=Sub_Folder/twin", "--ignore=Sub_Folder/text.txt")
    native, _ = answers(suite, *ignored, plugin=False)
    answers(suite, *ignored)
    differing = []
    for kind, text, chosen, _ in native:
        if "got left parenthesis" in chosen:
            continue  # list knows arguments whatever the version of pytest
        status, ids, said = command(suite, "list", f"-{kind}", text)
        if isinstance(chosen, str) or "do not support call parameters" in said:
            same = status == 2  # and list refuses what pytest would only refuse when it comes to it
        elif "arguments of markers" in said:
            same = status == 3 and set(ids) <= set(chosen)
        else:
            same = status == 0 and ids == chosen
        if not same:
            differing.append((kind, text, chosen, status, ids, said))
    assert not differing
