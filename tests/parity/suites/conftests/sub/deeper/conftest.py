import pytest

collect_ignore = ["test_ignored.py"]
collect_ignore_glob = ["*_skipme.py"]


@pytest.fixture
def place(place):
    return [*place, "deeper"]


def pytest_generate_tests(metafunc):
    if "depth" in metafunc.fixturenames:
        metafunc.parametrize("depth", [1, 2])
