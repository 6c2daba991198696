import anyio
import pytest

pytestmark = pytest.mark.anyio


async def test_backend(value):
    await anyio.sleep(0)
    assert value in ("asyncio", "trio")


@pytest.mark.parametrize("number", [1, 2])
async def test_number(number):
    assert number


class TestIn:
    async def test_in(self, anyio_backend):
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 0)


def test_sync():
    pass
