from top import test_in_init  # noqa: F401


def test_top():
    pass
