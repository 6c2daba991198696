import unittest


def setUpModule():
    raise unittest.SkipTest("module")


class TestNever(unittest.TestCase):
    def test_never(self):
        raise AssertionError
