import asyncio

import pytest


@pytest.mark.asyncio
async def test_marked():
    await asyncio.sleep(0)


async def test_unmarked():
    await asyncio.sleep(0)


@pytest.fixture
async def resource():
    yield 3


@pytest.mark.asyncio
async def test_fixture(resource):
    assert resource is not None


@pytest.mark.asyncio
class TestClass:
    async def test_method(self):
        await asyncio.sleep(0)

    def test_sync(self):
        pass

    @pytest.mark.parametrize("n", [1, 2])
    async def test_param(self, n):
        assert n


@pytest.mark.asyncio(loop_scope="module")
async def test_loop_scope():
    pass


async def test_generator():
    yield 1
