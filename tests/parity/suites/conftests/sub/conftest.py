import pytest


@pytest.fixture
def place(place):
    return [*place, "sub"]


@pytest.fixture(autouse=True)
def auto_sub(request):
    request.node.user_properties.append(("auto", "sub"))
