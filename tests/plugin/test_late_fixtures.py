"""Fixtures that hooks register when tests have been collected: a file that is imported only then sees what it does natively."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

#: Registers a fixture, visible to a node's tests, in whatever way this version of pytest has.
REGISTER = """
import pytest

def register(node, name, function, **more):
    if hasattr(pytest, "register_fixture"):
        pytest.register_fixture(name=name, func=function, node=node, **more)
    else:
        manager = node.session._fixturemanager
        manager._register_fixture(name=name, func=function, nodeid=node.nodeid, **more)
"""

pytestmark = pytest.mark.skipif(
    pytest.version_tuple < (8, 1), reason="no single fixture can be registered"
)


@pytest.fixture(params=[0, 2], ids=["here", "farm"])
def workers(request: pytest.FixtureRequest) -> int:
    """How many: without, a file is collected here, and real at once."""
    number: int = request.param
    return number


def check(pytester: pytest.Pytester, workers: int, *args: str, **outcomes: int) -> None:
    """A native run and one with the plugin come out like that."""
    for more in ((), ("-p", "fastcollect_meta", f"--workers={workers}")):
        result = pytester.runpytest_subprocess(*more, *args, timeout=120)
        result.assert_outcomes(**outcomes)


def test_nearest_of_several(pytester: pytest.Pytester, workers: int) -> None:
    """Those for the test, then those for all; the latest of each overrides."""
    pytester.makeconftest(
        REGISTER
        + """
@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    result = yield
    item = session.items[0]
    register(session, "fix", lambda: "session1")
    register(session, "fix", lambda: "session2")
    register(item, "fix", lambda fix: f"item1-{fix}")
    register(item, "fix", lambda fix: f"item2-{fix}")
    return result
"""
    )
    pytester.makepyfile("def test(fix): assert fix == 'item2-item1-session2'")
    check(pytester, workers, passed=1)


def test_known_name_is_not_overridden(pytester: pytest.Pytester, workers: int) -> None:
    """What a test uses was looked up when it was collected; only names that were missing are looked up when it runs."""
    pytester.makeconftest(
        REGISTER
        + """
@pytest.fixture
def known(): return "conftest"

def pytest_collection_modifyitems(session, items):
    for node in (session, items[0], items[0].parent):
        register(node, "known", lambda: "late")
        register(node, "own", lambda: "late")
        register(node, "missing", lambda: "late")
"""
    )
    pytester.makepyfile(
        """
        import pytest
        @pytest.fixture
        def own(): return "module"
        def test(known, own, missing, request):
            assert (known, own, missing) == ("conftest", "module", "late")
        def test_dynamic(request):
            assert request.getfixturevalue("known") == "late"
            assert request.getfixturevalue("own") == "late"
        """
    )
    check(pytester, workers, passed=2)


def test_automatic(pytester: pytest.Pytester, workers: int) -> None:
    """One that is used automatically is not by tests that have been collected; nor does it change their parameters."""
    pytester.makeconftest(
        REGISTER
        + """
def pytest_collection_modifyitems(session):
    register(session, "late", lambda: ran.append("late"), autouse=True)
    register(session, "number", lambda request: request.param, params=[1, 2])

ran = []
"""
    )
    pytester.makepyfile(
        """
        import pytest
        import conftest
        @pytest.fixture
        def number(): return 0
        @pytest.fixture(autouse=True)
        def early(): conftest.ran.append("early")
        def test(number):
            assert conftest.ran == ["early"]
            assert number == 0
        """
    )
    check(pytester, workers, passed=1)


def test_while_collecting(pytester: pytest.Pytester, workers: int) -> None:
    """What a hook registers between two files holds for the later one."""
    pytester.makeconftest(
        REGISTER
        + """
@pytest.fixture
def fix(): return "conftest"

def pytest_itemcollected(item):
    if item.name == "test_first":
        register(item.session, "fix", lambda: "late")
"""
    )
    pytester.makepyfile(
        test_a="def test_first(fix): assert fix == 'conftest'",
        test_b="def test_second(fix): assert fix == 'late'",
    )
    for path in ((), ("test_b.py", "test_a.py")):
        expected = {"passed": 2} if not path else {"passed": 1, "failed": 1}
        check(pytester, workers, *path, **expected)


def test_plugin_that_comes_late(pytester: pytest.Pytester, workers: int) -> None:
    """So it is with the fixtures of a plugin that is registered then."""
    pytester.makeconftest(
        """
import pytest

@pytest.fixture
def fix(): return "conftest"

class Late:
    @pytest.fixture
    def fix(self): return "late"

    @pytest.fixture
    def missing(self): return "late"

def pytest_collection_modifyitems(config):
    config.pluginmanager.register(Late(), "late")
"""
    )
    pytester.makepyfile("def test(fix, missing): assert (fix, missing) == ('conftest', 'late')")
    check(pytester, workers, passed=1)
