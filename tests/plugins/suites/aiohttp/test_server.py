import pytest
from aiohttp import web


@pytest.fixture
async def client(aiohttp_client):
    async def hello(request):
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    return await aiohttp_client(app)


async def test_hello(client):
    response = await client.get("/")
    assert await response.text() == "hello"


async def test_missing(client):
    assert (await client.get("/missing")).status == 404


@pytest.mark.parametrize("x", [1, 2])
async def test_x(x, aiohttp_server):
    assert x
