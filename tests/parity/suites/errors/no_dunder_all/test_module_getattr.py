def __getattr__(name):
    raise AttributeError(name)


def test_module_getattr():
    pass
