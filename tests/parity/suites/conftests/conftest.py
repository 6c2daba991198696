import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "where(place): set by a conftest")


def pytest_addoption(parser):
    parser.addoption("--colour", default="red")


@pytest.fixture
def place():
    return ["root"]


@pytest.fixture(scope="session")
def colour(request):
    return request.config.getoption("colour")


def pytest_itemcollected(item):
    item.add_marker(pytest.mark.where("root"))
