import pytest


@pytest.fixture
def breaks():
    raise RuntimeError("in setup")


@pytest.fixture
def breaks_late():
    yield
    raise RuntimeError("in teardown")
