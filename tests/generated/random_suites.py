"""Hypothesis strategies for whole test suites: trees of packages, conftests, classes, parameters, markers, hooks, errors."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable

from hypothesis import strategies as st

Draw = Callable[..., object]

#: Expressions that stand for parameters and marker arguments; the later ones can't travel by value.
VALUES = [
    "1", "2", "True", "None", "'a'", "'b c'", "1.0", "(1, 2)", "[1]", "{'k': [1, (2,)]}", "b'x'", "1j", "...", "''", "'é'",
    "-0.0", "float('nan')", "{1, 2}", "frozenset()", "2**70", "'x' * 60",
    "object", "len", "THING", "Thing(1)", "lambda: 0", "Colour.RED", "range(2)",
]  # fmt: skip
HASHABLE = [v for v in VALUES if not v.startswith(("[", "{"))]
#: Ids that parameters are given; a hidden one is refused where another is hidden too.
IDS = ["'one'", "'two'", "'x[y]'", "'é'", "'a::b'", "HIDDEN"]
MARKS = ["slow", "fast", "group"]
SCOPES = ["function", "class", "module", "package", "session"]
BODIES = [
    "pass",
    "pass",
    "pass",
    "assert 1 == 2",
    "pytest.skip('inside')",
    "raise ValueError('x')",
    "pytest.xfail('inside')",
]
PREAMBLE = """
import enum
import pytest
import unittest
import warnings


HIDDEN = getattr(pytest, "HIDDEN_PARAM", "hidden")


class Thing:
    def __init__(self, n):
        self.n = n

    def __repr__(self):
        return f"Thing({self.n})"


THING = Thing(0)


class Colour(enum.Enum):
    RED = 1


def note(request, text):
    with open(request.config.rootpath / "order.txt", "a", encoding="utf-8") as file:
        file.write(f"{text} {request.node.nodeid}\\n")
"""
INI = """
[pytest]
markers =
    slow
    fast
    group
    where
"""


@dataclasses.dataclass(frozen=True)
class RandomSuite:
    """Files by path, and what pytest is asked.

    :param links: symbolic links by path, with what they point to.
    :param before: arguments of a native run that leaves its cache for the run; None for no such run.
    """

    files: dict[str, str]
    args: list[str]
    links: dict[str, str] = dataclasses.field(default_factory=dict)
    before: list[str] | None = None

    def __repr__(self) -> str:
        parts = [f"{'#' * 20} {path}\n{text}" for path, text in sorted(self.files.items())]
        parts += [f"{'#' * 20} {path} -> {target}" for path, target in sorted(self.links.items())]
        before = "" if self.before is None else f"pytest {' '.join(self.before)}; "
        return f"{before}pytest {' '.join(self.args)}\n" + "\n".join(
            part.replace(PREAMBLE, "...\n") for part in parts
        )


def indented(text: str, by: int = 1) -> str:
    return textwrap.indent(text, "    " * by)


@st.composite
def marks(draw: Draw, prefix: str = "@") -> str:
    name = draw(st.sampled_from(MARKS))
    form = draw(
        st.sampled_from(["plain", "empty", "args", "kwargs", "skip", "skipif", "xfail", "filter"])
    )
    value = draw(st.sampled_from([v for v in VALUES if v not in ("len", "lambda: 0", "object")]))
    return (
        prefix
        + {
            "plain": f"pytest.mark.{name}",
            "empty": f"pytest.mark.{name}()",
            "args": f"pytest.mark.{name}.with_args({value}, 1)",
            "kwargs": f"pytest.mark.{name}(key={value})",
            "skip": "pytest.mark.skip(reason='skipped')",
            "skipif": "pytest.mark.skipif('1 == 2', reason='no')",
            "xfail": "pytest.mark.xfail(reason='x')",
            "filter": "pytest.mark.filterwarnings('ignore:nothing')",
        }[form]
    )


@st.composite
def value_sets(draw: Draw, names: int) -> str:
    rows = []
    for _ in range(draw(st.sampled_from([1, 2, 2, 3, 0]))):
        values = [draw(st.sampled_from(VALUES)) for _ in range(names)]
        form = draw(st.sampled_from(["plain", "plain", "id", "mark"]))
        if form == "plain":
            rows.append(values[0] if names == 1 else f"({', '.join(values)})")
        elif form == "id":
            rows.append(f"pytest.param({', '.join(values)}, id={draw(st.sampled_from(IDS))})")
        else:
            rows.append(f"pytest.param({', '.join(values)}, marks={draw(marks(prefix=''))})")
    return f"[{', '.join(rows)}]"


@st.composite
def parametrize(draw: Draw, names: list[str], fixtures: list[str]) -> tuple[str, list[str]]:
    """A decorator and the names that it gives."""
    free = [name for name in ["a", "b", "c"] if name not in names]
    chosen = free[: draw(st.integers(1, 2))] if free else []
    indirect = ""
    if fixtures and draw(st.integers(0, 4)) == 0:
        name = draw(st.sampled_from(fixtures))
        if name not in names:
            chosen, indirect = [name], ", indirect=True"
    if not chosen:
        return "", []
    extra = draw(st.sampled_from(["", "", ", ids=str", ", ids=lambda v: None", ", ids=repr"]))
    if "repr" in extra or "str" in extra:  # ids that hold addresses are no use
        values = draw(
            value_sets(len(chosen)).filter(
                lambda t: not any(w in t for w in ("lambda", "THING", "len", "object"))
            )
        )
    else:
        values = draw(value_sets(len(chosen)))
    scope = draw(st.sampled_from(["", "", "", *[f", scope={s!r}" for s in SCOPES]]))
    return (
        f"@pytest.mark.parametrize({','.join(chosen)!r}, {values}{indirect}{extra}{scope})",
        chosen,
    )


@st.composite
def functions(draw: Draw, name: str, fixtures: list[str], method: bool) -> str:
    decorators: list[str] = []
    arguments: list[str] = []
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        line, names = draw(parametrize(arguments, fixtures))
        if line:
            decorators.append(line)
            arguments += names
    decorators += draw(st.lists(marks(), max_size=2))
    if fixtures:
        more = draw(st.lists(st.sampled_from(fixtures), max_size=2, unique=True))
        arguments += [f for f in more if f not in arguments]
    kind = draw(st.sampled_from(["def", "def", "def", "def", "static", "async", "missing"]))
    if kind == "missing":
        arguments.append("no_such_fixture")
    if kind == "static" and method:
        decorators.append("@staticmethod")
    signature = (["self"] if method and kind != "static" else []) + arguments
    keyword = "async def" if kind == "async" else "def"
    doc = (
        '"""A docstring.\n\n    >>> 1\n    1\n    """\n    ' if draw(st.integers(0, 5)) == 0 else ""
    )
    lines = [
        *decorators,
        f"{keyword} {name}({', '.join(signature)}):",
        f"    {doc}{draw(st.sampled_from(BODIES))}",
    ]
    if draw(st.integers(0, 7)) == 0 and not method:
        lines.append(f"{name}.attribute_{name} = 1")
    return "\n".join(lines) + "\n"


@st.composite
def fixtures_(draw: Draw, name: str, method: bool, others: list[str]) -> str:
    scope = draw(st.sampled_from(SCOPES))
    autouse = draw(st.integers(0, 4)) == 0
    params = ""
    if draw(st.integers(0, 2)) == 0:
        params = f", params={draw(value_sets(1))}"
    wants = [draw(st.sampled_from(others))] if others and draw(st.integers(0, 2)) == 0 else []
    signature = ", ".join((["self"] if method else []) + ["request", *wants])
    return (
        f"@pytest.fixture(scope={scope!r}, autouse={autouse}{params})\n"
        f"def {name}({signature}):\n"
        f"    note(request, 'up {name} ' + repr(getattr(request, 'param', None))[:20].split('0x')[0])\n"
        f"    yield getattr(request, 'param', {name!r})\n"
        f"    note(request, 'down {name}')\n"
    )


XUNIT = {
    "module": "def setup_module(module):\n    module.ready = 1\n\n\ndef teardown_module(module):\n    del module.ready\n",
    "function": "def setup_function(function):\n    function.ready = 1\n",
}
XUNIT_OF_CLASS = "def setup_method(self, method):\n    self.ready = method.__name__\n\n\ndef setup_class(cls):\n    cls.of_class = 1\n"


@st.composite
def classes(draw: Draw, name: str, fixtures: list[str], bases: list[str], depth: int = 0) -> str:
    kind = draw(st.sampled_from(["plain", "plain", "plain", "plain", "unittest", "init", "off"]))
    decorators = draw(st.lists(marks(), max_size=1))
    taken: list[str] = []
    if kind == "plain" and draw(st.integers(0, 4)) == 0:
        line, taken = draw(parametrize([], []))
        if line:
            decorators.append(line)
    body: list[str] = []
    if draw(st.integers(0, 4)) == 0:
        body.append('"""Documented."""\n')
    if draw(st.integers(0, 5)) == 0:
        body.append(f"pytestmark = [{draw(marks(prefix=''))}]\n")
    if kind == "init":
        body.append("def __init__(self):\n    pass\n")
    if kind == "off":
        body.append("__test__ = False\n")
    mine = list(fixtures)
    if kind == "plain" and draw(st.integers(0, 3)) == 0:
        body.append(draw(fixtures_(f"{name.lower()}_fixture", True, fixtures)))
        mine.append(f"{name.lower()}_fixture")
    if kind == "plain" and draw(st.integers(0, 4)) == 0:
        body.append(XUNIT_OF_CLASS)
    for n in range(draw(st.integers(1, 3))):
        if kind == "unittest":
            lines = [
                *draw(
                    st.lists(
                        st.sampled_from(["@unittest.skip('x')", "@pytest.mark.slow"]), max_size=1
                    )
                )
            ]
            body.append(
                "\n".join([*lines, f"def test_u{n}(self):", f"    {draw(st.sampled_from(BODIES))}"])
                + "\n"
            )
        elif taken:
            body.append(f"def test_m{n}(self, {', '.join(taken)}):\n    pass\n")
        else:
            body.append(draw(functions(f"test_m{n}", mine, True)))
    if depth < 2 and kind == "plain" and draw(st.integers(0, 4)) == 0 and not taken:
        body.append(draw(classes("TestInner", mine, [], depth + 1)))
    base = "unittest.TestCase" if kind == "unittest" else ""
    if bases and kind == "plain" and not taken and draw(st.integers(0, 2)) == 0:
        base = draw(st.sampled_from(bases))
    lines = [
        *decorators,
        f"class {name}({base}):",
        *[indented(part) for part in body or ["pass\n"]],
    ]
    return "\n".join(lines) + "\n"


TROUBLE = [
    "raise RuntimeError('broken')\n",
    "import module_that_is_not_there\n",
    "pytest.skip('whole module', allow_module_level=True)\n",
    "pytest.importorskip('module_that_is_not_there')\n",
    "raise unittest.SkipTest('x')\n",
    "def broken(:\n",
    "assert 1 == 2\n",
    "warnings.warn('while importing')\n",
    "warnings.warn('deprecated', DeprecationWarning)\n",
    "print('printed while importing')\n",
    "import sys; print('to stderr', file=sys.stderr)\n",
    "@pytest.mark.parametrize('nope', [1])\ndef test_bad():\n    pass\n",
    "def test_yields():\n    yield 1\n",
    "pytest_plugins = []\n",
    "ESCAPE = '\\d'\nassert (1, 'always')\n",
    "def pytest_generate_tests(metafunc):\n    if 'number' in metafunc.fixturenames:\n        metafunc.parametrize('number', [1, 2])\n"
    "\n\ndef test_number(number):\n    pass\n",
    "@pytest.fixture\n@pytest.mark.slow\ndef marked():\n    pass\n",
    "@pytest.mark.unregistered\ndef test_unregistered():\n    pass\n",
    "warnings.simplefilter('ignore')\n",
    "warnings.filterwarnings('error', message='while')\n",
    "with warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n    warnings.warn('while importing')\n",
    "class TestWithInit:\n    def __init__(self):\n        pass\n",
    "class TestParam:\n    @pytest.mark.parametrize('v', [1, 2], scope='class')\n    def test_p(self, v):\n        pass\n\n\nTestSame = TestParam\n",
]


@st.composite
def modules(draw: Draw, inherited: list[str]) -> str:
    parts = [PREAMBLE]
    fixtures = list(inherited)
    if draw(st.integers(0, 4)) == 0:
        parts.insert(0, '"""\n>>> 1 + 1\n2\n"""\n')
    if draw(st.integers(0, 4)) == 0:
        parts.append(f"pytestmark = [{', '.join(draw(st.lists(marks(prefix=''), max_size=2)))}]\n")
    for name in draw(st.lists(st.sampled_from(["fix_a", "fix_b"]), max_size=2, unique=True)):
        parts.append(draw(fixtures_(name, False, fixtures)))
        fixtures.append(name)
    parts += [XUNIT[kind] for kind in draw(st.lists(st.sampled_from(sorted(XUNIT)), max_size=1))]
    bases: list[str] = []
    for n in range(draw(st.integers(2, 4))):
        if draw(st.booleans()):
            parts.append(draw(functions(f"test_f{n}", fixtures, False)))
        else:
            parts.append(draw(classes(f"TestC{n}", fixtures, bases)))
            bases.append(f"TestC{n}")
    if draw(st.integers(0, 6)) == 6:
        parts.insert(draw(st.integers(1, len(parts))), draw(st.sampled_from(TROUBLE)))
    return "\n\n".join(parts)


HOOKS = {
    "marks": "def pytest_itemcollected(item):\n    item.add_marker('where')\n",
    "reverse": "def pytest_collection_modifyitems(items):\n    items.reverse()\n",
    "drop": (
        "def pytest_collection_modifyitems(config, items):\n"
        "    dropped = items[::3]\n"
        "    items[:] = [i for i in items if i not in dropped]\n"
        "    config.hook.pytest_deselected(items=dropped)\n"
    ),
    "rename": (
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        if item.name == 'test_f0':\n"
        "            item.name = 'renamed'\n"
    ),
    "skip": (
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        if 'slow' in item.keywords:\n"
        "            item.add_marker(pytest.mark.skip(reason='slow'))\n"
    ),
    "generate": (
        "def pytest_generate_tests(metafunc):\n"
        "    if 'extra' in metafunc.fixturenames:\n"
        "        metafunc.parametrize('extra', [1, 2], scope='session')\n"
    ),
    "makeitem": (
        "@pytest.hookimpl(wrapper=True)\n"
        "def pytest_pycollect_makeitem(collector, name, obj):\n"
        "    result = yield\n"
        "    return result[::-1] if isinstance(result, list) else result\n"
    ),
    "own-function": (
        "class OwnFunction(pytest.Function):\n"
        "    def runtest(self):\n"
        "        super().runtest()\n\n\n"
        "def pytest_pycollect_makeitem(collector, name, obj):\n"
        "    if name == 'test_f1':\n"
        "        return [OwnFunction.from_parent(collector, name=name, callobj=obj)]\n"
    ),
    "ignore": "def pytest_ignore_collect(collection_path):\n    return True if collection_path.name.startswith('test_b') else None\n",
    "collect_ignore": "collect_ignore_glob = ['test_b*']\n",
    "look": "def pytest_itemcollected(item):\n    item.own_obj = getattr(item, 'obj', None)\n",
    "collectstart": "def pytest_collectstart(collector):\n    collector.add_marker('fast') if isinstance(collector, pytest.Class) else 0\n",
    "filters": "warnings.filterwarnings('ignore', message='while')\n",
    "custom": (
        "class Lines(pytest.File):\n"
        "    def collect(self):\n"
        "        for line in self.path.read_text(encoding='utf-8').splitlines():\n"
        "            yield Line.from_parent(self, name=line or 'empty')\n\n\n"
        "class Line(pytest.Item):\n"
        "    def runtest(self):\n"
        "        assert 'x' not in self.name\n\n"
        "    def reportinfo(self):\n"
        "        return self.path, 0, f'line {self.name}'\n\n\n"
        "def pytest_collect_file(file_path, parent):\n"
        "    return Lines.from_parent(parent, path=file_path) if file_path.suffix == '.lines' else None\n"
    ),
    "own-module": (
        "class OwnModule(pytest.Module):\n"
        "    own = 1\n\n\n"
        "def pytest_pycollect_makemodule(module_path, parent):\n"
        "    return OwnModule.from_parent(parent, path=module_path) if '_a' in module_path.name else None\n"
    ),
    "unordered": (
        "def pytest_collect_directory(path, parent):\n"
        "    if path.name == 'two':\n"
        "        return Backwards.from_parent(parent, path=path)\n\n\n"
        "class Backwards(pytest.Dir):\n"
        "    def collect(self):\n"
        "        return list(super().collect())[::-1]\n"
    ),
    "report": "def pytest_collectreport(report):\n    report.sections.append(('own', 'section'))\n",
    "broken": "raise RuntimeError('conftest')\n",
}


@st.composite
def conftests(draw: Draw, inherited: list[str], root: bool) -> tuple[str, list[str]]:
    """A conftest's text and the fixtures that exist below it."""
    parts = [PREAMBLE]
    fixtures = list(inherited)
    for name in draw(
        st.lists(st.sampled_from(["fix_a", "fix_c", "extra_fix"]), max_size=2, unique=True)
    ):
        parts.append(draw(fixtures_(name, False, [f for f in fixtures if f != name])))
        if name not in fixtures:
            fixtures.append(name)
    names = [
        name for name in HOOKS if name != "broken" or (not root and draw(st.integers(0, 5)) == 5)
    ]
    parts += [
        HOOKS[name] for name in draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    ]
    return "\n\n".join(parts), fixtures


@st.composite
def folders(draw: Draw, path: str, inherited: list[str], depth: int) -> dict[str, str]:
    files: dict[str, str] = {}
    fixtures = inherited
    if draw(st.integers(0, 2)) == 0:
        files[f"{path}conftest.py"], fixtures = draw(conftests(inherited, depth == 0))
    if depth and draw(st.booleans()):
        files[f"{path}__init__.py"] = draw(
            st.sampled_from(
                [
                    "",
                    "",
                    "",
                    "",
                    "",
                    "value = 1\n",
                    "def test_init():\n    pass\n",
                    "raise RuntimeError('package')\n",
                ]
            )
        )
    for name in draw(
        st.lists(
            st.sampled_from(["test_a.py", "test_b.py", "check_c.py"]),
            min_size=1,
            max_size=2,
            unique=True,
        )
    ):
        # outside of packages, equal names are an error; mostly a folder has names of its own
        own = path.rstrip("/").replace("/", "_") if draw(st.integers(0, 7)) else ""
        odd = draw(st.sampled_from(ODD)) if draw(st.integers(0, 7)) == 7 else ""
        files[f"{path}{name[:-3]}{own and '_' + own}{odd}.py"] = draw(modules(fixtures))
    if draw(st.integers(0, 5)) == 5:
        files[f"{path}test_text.txt"] = ">>> 1 + 1\n2\n\n>>> 2\n3\n"
    if draw(st.integers(0, 4)) == 4:
        files[f"{path}some.lines"] = "one\ntwo x\n\nthree\n"
    if depth < 2:
        for name in draw(
            st.lists(st.sampled_from(["one", "two"]), max_size=2 if depth == 0 else 1, unique=True)
        ):
            files.update(draw(folders(f"{path}{name}/", fixtures, depth + 1)))
    return files


#: Endings of odd file names.
ODD = [" space", "[1]", "-dash", "é日", ".dot", "$x", "::y", "%20"]
#: Ways that look at what an earlier run has left in the cache.
CACHED = [
    ["--lf"],
    ["--ff"],
    ["--nf"],
    ["--sw"],
    ["--lf", "--co", "-q"],
    ["--ff", "--nf", "-v"],
    ["--lf", "-x"],
    ["--sw", "--sw-skip"],
]
WAYS = [
    [], ["-v"], ["--collect-only", "-q"], ["--collect-only"], ["-k", "f0 or TestC1"], ["-k", "not m1 and (a or b)"], ["-m", "slow"],
    ["-m", "not slow and not group(key=1)"], ["-x"], ["--maxfail=2"], ["--continue-on-collection-errors"],
    ["--doctest-modules"], ["--setup-plan"], ["-p", "no:unittest"], ["-W", "error"], ["-s"], ["-v"], ["-rA"],
    ["--import-mode=importlib"], ["--import-mode=append"], ["--deselect=test_a.py::test_f0"], ["--ignore-glob=*_b.py"],
    ["-o", "python_files=*.py"], ["-o", "python_classes=Test* Colour"], ["--keep-duplicates", ".", "."], ["one", "two"],
    ["test_a.py"], ["test_a.py::test_f0", "."], ["one/test_a_one.py::TestC0", "one"], ["--strict-markers"], ["--co", "-qq"],
    ["--setup-only"], ["--fixtures-per-test"], ["--junitxml=report.xml"], ["--pdb"], ["--trace"], ["--co", "-v"], ["--maxfail=1", "--co"],
    ["--rootdir=.."], ["--confcutdir=one"], ["--noconftest"], ["--ignore=one"], ["--capture=sys"], ["-p", "no:warnings"], ["linked"],
    ["--pyargs", "one"], ["-k", "not (f0 and a)"], ["-m", "group(key=1) or where"], ["--doctest-glob=*.txt", "--doctest-modules"], ["-W", "error::UserWarning"],
    ["--collect-only", "--keep-duplicates", "one", "."], ["-rA", "--tb=short"], ["--durations=0", "--durations-min=100"], ["-o", "norecursedirs=one"],
]  # fmt: skip


@st.composite
def random_suites(draw: Draw) -> RandomSuite:
    """A suite and a way of asking for it."""
    files = draw(folders("", [], 0))
    files["pytest.ini"] = INI
    args: list[str] = []
    for way in draw(st.lists(st.sampled_from(WAYS), max_size=2)):
        args += way
    if draw(st.integers(0, 4)):
        args += ["--continue-on-collection-errors"]
    links = {}
    if draw(st.integers(0, 5)) == 5:
        links["linked"] = draw(st.sampled_from(["one", "one/two", "test_a.py"]))
    if draw(st.integers(0, 9)) == 9:
        links["test_link.py"] = draw(st.sampled_from(sorted(files)))
    before = None
    if draw(st.integers(0, 3)) == 3:
        args += draw(st.sampled_from(CACHED))
        before = ["--sw"] if "--sw" in args else []
    return RandomSuite(files, args, links, before)
