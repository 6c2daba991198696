def test_it(request):
    assert request.node.nodeid.endswith("::test_it")


class TestClass:
    def test_method(self):
        pass
