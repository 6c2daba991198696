import pytest


@pytest.fixture(scope="package")
def inner_package(request):
    return request.node.name
