"""Markers added while the test runs."""

import pytest


@pytest.fixture
def adds(request):
    request.node.add_marker("slow")
    request.node.add_marker(pytest.mark.level("added"), append=False)


def test_added(adds, request):
    assert request.node.get_closest_marker("level").args == ("added",)
    assert "slow" in request.node.keywords


def test_applied(request):
    request.applymarker(pytest.mark.xfail(reason="while running"))
    raise AssertionError
