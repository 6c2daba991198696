import sys


def test_same(request):
    assert request.module is sys.modules[__name__]
    assert request.module.__file__ == str(request.path)


class TestClass:
    def test_name(self, request):
        assert request.module.__name__ == __name__
