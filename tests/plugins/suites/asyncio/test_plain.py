import asyncio

import pytest
import pytest_asyncio


@pytest_asyncio.fixture
async def value():
    await asyncio.sleep(0)
    yield 3


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared():
    return asyncio.get_running_loop()


@pytest.mark.asyncio
async def test_marked(value):
    assert value == 3


async def test_unmarked():
    await asyncio.sleep(0)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("number", [1, 2])
async def test_module_loop(shared, number):
    assert asyncio.get_running_loop() is shared


@pytest.mark.asyncio(loop_scope="class")
class TestGroup:
    async def test_one(self):
        assert await asyncio.sleep(0, 1) == 1

    def test_two(self):
        pass

    async def test_fails(self):
        assert await asyncio.sleep(0, 1) == 2


def test_ordinary(request):
    assert request.node.get_closest_marker("asyncio") is None
