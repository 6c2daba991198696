import pytest
import trio


@pytest.fixture
async def server():
    yield 3


@pytest.mark.trio
async def test_sleep(autojump_clock):
    await trio.sleep(100)


@pytest.mark.trio
async def test_fixture(server, nursery):
    nursery.start_soon(trio.sleep, 0)
    assert server == 3


def test_sync():
    pass
