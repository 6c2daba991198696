import pytest


@pytest.fixture
def who(worker_id):
    return worker_id
