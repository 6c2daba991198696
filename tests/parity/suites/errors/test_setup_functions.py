def setup_module():
    raise RuntimeError("in setup_module")


def test_a():
    pass


class TestClass:
    def setup_class(cls):
        raise RuntimeError("in setup_class")

    def test_b(self):
        pass
