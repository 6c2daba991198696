import pytest


@pytest.fixture
def from_plugin():
    return "plugin"


@pytest.fixture(params=[1, 2], scope="session")
def param_from_plugin(request):
    return request.param


def pytest_itemcollected(item):
    if "from_plugin" in getattr(item, "fixturenames", ()):
        item.add_marker("uses_plugin")


def pytest_report_header(config):
    return "own plugin: here"
