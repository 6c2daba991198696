async def test_late():
    pass


async def test_late_too(tmp_path):
    assert tmp_path


def test_plain_late():
    pass


async def test_not_run():
    pass
