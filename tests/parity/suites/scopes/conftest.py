import pytest


def note(request, text):
    with open(request.config.rootpath / "order.txt", "a", encoding="utf-8") as file:
        file.write(text + "\n")


@pytest.fixture(scope="session", params=["s1", "s2"])
def session_param(request):
    note(request, f"up session {request.param}")
    yield request.param
    note(request, f"down session {request.param}")


@pytest.fixture(scope="session", params=[{"k": 1}, [2]], ids=["dict", "list"])
def session_unhashable(request):
    note(request, f"up unhashable {request.param}")
    yield request.param
    note(request, f"down unhashable {request.param}")


@pytest.fixture(scope="package", params=["p1", "p2"])
def package_param(request):
    note(request, f"up package {request.param}")
    yield request.param
    note(request, f"down package {request.param}")


@pytest.fixture(scope="module", params=["m1", "m2"])
def module_param(request):
    note(request, f"up module {request.param}")
    yield request.param
    note(request, f"down module {request.param}")


@pytest.fixture(scope="class", params=["c1", "c2"])
def class_param(request):
    note(request, f"up class {request.param}")
    yield request.param
    note(request, f"down class {request.param}")


class Server:
    def __init__(self, port):
        self.port = port


SERVERS = [Server(1), Server(2)]


@pytest.fixture(scope="session", params=SERVERS, ids=["one", "two"])
def opaque(request):
    note(request, f"up server {request.param.port}")
    yield request.param
    note(request, f"down server {request.param.port}")


@pytest.fixture(autouse=True)
def each(request):
    note(request, f"test {request.node.nodeid}")
