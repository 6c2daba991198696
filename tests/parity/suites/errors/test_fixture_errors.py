import pytest


@pytest.fixture
def raises():
    raise RuntimeError("in a fixture")


@pytest.fixture
def raises_late():
    yield
    raise RuntimeError("in teardown")


@pytest.fixture
def wants_missing(not_there):
    pass


def test_raises(raises):
    pass


def test_raises_late(raises_late):
    pass


def test_missing(not_there):
    pass


def test_missing_chain(wants_missing):
    pass


def test_recursive(recursive):
    pass


@pytest.fixture
def recursive(recursive):
    return 1


@pytest.fixture(scope="session")
def wide(narrow):
    return 1


@pytest.fixture
def narrow():
    return 1


def test_scope_mismatch(wide):
    pass
