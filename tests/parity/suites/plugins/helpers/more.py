import pytest


@pytest.fixture(autouse=True)
def auto_from_more(request):
    return request.node.name


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items.reverse()
