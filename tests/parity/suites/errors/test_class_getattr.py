class Meta(type):
    def __dir__(cls):
        raise RuntimeError("no dir")


class TestDir(metaclass=Meta):
    def test_x(self):
        pass


def test_after():
    pass
