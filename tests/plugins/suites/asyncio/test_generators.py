import pytest

pytestmark = pytest.mark.asyncio


async def test_all_marked():
    pass


@pytest.mark.xfail
async def test_xfail():
    raise ValueError


@pytest.mark.skip
async def test_skip():
    pass
