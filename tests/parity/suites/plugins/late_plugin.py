import pytest


@pytest.fixture
def from_late_plugin():
    return "late"
