import pytest


def note(request, text):
    with open(request.config.rootpath / "order.txt", "a", encoding="utf-8") as file:
        file.write(text + "\n")


@pytest.fixture(scope="package", autouse=True)
def per_package(request):
    note(request, f"up {request.node.nodeid} {type(request.node).__name__}")
    yield
    note(request, f"down {request.node.nodeid}")


@pytest.fixture(scope="module", autouse=True)
def per_module(request):
    note(request, f"up {request.node.nodeid}")
    yield
    note(request, f"down {request.node.nodeid}")
