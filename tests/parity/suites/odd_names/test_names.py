import pytest


def test_ünïcödé():
    pass


class TestÄ:
    def test_ö(self):
        pass


@pytest.mark.parametrize("väl", [1])
def test_arg(väl):
    pass


def test_with_dunder__():
    pass


def test():
    pass


globals()["test with space"] = lambda: None
globals()["test[bracket]"] = lambda: None
globals()["test::colons"] = lambda: None
globals()["test/slash"] = lambda: None
