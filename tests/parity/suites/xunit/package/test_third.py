import sys

order = []


def setup_module(module):
    assert module is sys.modules[__name__]
    order.append("m")


def test_third():
    assert order == ["m"]
