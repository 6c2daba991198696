import pytest

pytest.register_assert_rewrite("asserting")
import asserting  # noqa: E402


def test_from_plugin(from_plugin, request):
    assert from_plugin == "plugin"
    assert request.node.get_closest_marker("uses_plugin")


def test_param(param_from_plugin):
    assert param_from_plugin in (1, 2)


def test_auto(auto_from_more):
    assert auto_from_more == "test_auto"


def test_rewritten():
    asserting.equal({"a": 1}, {"a": 2})
