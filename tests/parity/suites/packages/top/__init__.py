"""A package with tests in its __init__."""


def test_in_init():
    pass


def setup_module(module):
    module.ready = True
