import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        if "late" in item.name:
            item.add_marker(pytest.mark.anyio)


@pytest.fixture
async def value(anyio_backend_name):
    yield anyio_backend_name
