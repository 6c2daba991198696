"""What a test can ask of its node."""

import inspect
import sys

import pytest


@pytest.fixture
def extra():
    return "extra"


def test_node(request):
    node = request.node
    assert isinstance(node, pytest.Function)
    assert node.name == node.originalname == "test_node"
    assert node.obj is test_node
    assert node.function is test_node
    assert node.module is sys.modules[__name__]
    assert node.cls is None
    assert node.instance is None
    assert node.nodeid.endswith("::test_node")
    assert request.function is test_node
    assert request.module is node.module
    assert request.config is node.config
    assert request.session is node.session
    assert request.path == node.path
    assert node.location[2] == "test_node"
    assert node.reportinfo()[1] == inspect.getsourcelines(test_node)[1] - 1


def test_parents(request):
    node = request.node
    assert isinstance(node.parent, pytest.Module)
    assert node.getparent(pytest.Module) is node.parent
    assert node.getparent(pytest.Session) is request.session
    assert node.getparent(pytest.Class) is None
    assert node.parent.obj is sys.modules[__name__]
    assert node in request.session.items
    assert [n.name for n in node.listchain()][-1] == node.name
    assert node.listchain()[-2] is node.parent
    assert type(node.parent).__name__ == "Module"
    assert repr(node) == "<Function test_parents>"


def test_dynamic(request):
    assert request.getfixturevalue("extra") == "extra"
    assert "extra" in request.fixturenames
    with pytest.raises(pytest.FixtureLookupError):
        request.getfixturevalue("not_there")


@pytest.mark.parametrize("a", [object], ids=["object"])
def test_callspec(a, request):
    assert request.node.callspec.params["a"] is object
    assert request.node.callspec.id == "object"
    assert request.node.funcargs["a"] is object


class TestClass:
    def test_class(self, request):
        node = request.node
        assert request.cls is TestClass is node.cls
        assert request.instance is self is node.instance
        assert isinstance(node.parent, pytest.Class)
        assert node.parent.obj is TestClass
        assert node.parent.parent.obj is sys.modules[__name__]
        assert node.obj.__self__ is self
        assert node.getparent(pytest.Class) is node.parent

    class TestInner:
        def test_inner(self, request):
            assert request.cls is TestClass.TestInner
            assert request.node.parent.parent.obj is TestClass


def test_funcargs(request, extra, tmp_path):
    assert request.node.funcargs["extra"] == "extra"
    assert {"request", "extra", "tmp_path"} <= set(request.node.funcargs)


def test_session_items(request):
    """Other items can be asked too."""
    others = [item for item in request.session.items if item.name == "test_neighbour"]
    for item in others:
        assert item.obj.__name__ == "test_neighbour"
        assert item.module.VALUE == 7


def test_records(record_property, record_xml_attribute, record_testsuite_property):
    record_property("key", "value")
    record_testsuite_property("suite", "value")


def test_keywords(request):
    assert "test_keywords" in request.node.keywords
    assert request.node.keywords["test_keywords"]
    request.node.keywords["new"] = 1
    assert "new" in request.node.keywords
    assert set(request.node.parent.keywords) <= set(request.node.keywords)


def test_traceback(extra):
    wrong = {"key": extra}
    assert wrong == {"key": "other"}


def test_stash(request):
    key = pytest.StashKey[str]()
    request.node.stash[key] = "x"
    request.session.stash[key] = "y"
    assert request.node.stash[key] == "x"


def test_user_attribute(request):
    request.node.something = 1
    assert request.node.something == 1


def test_ihook(request):
    assert request.node.ihook.pytest_runtest_setup
    assert request.node.parent.ihook is not None


def test_warn(request):
    request.node.warn(pytest.PytestWarning("from the test"))
