def test_yields():
    yield 1


class TestYields:
    def test_method(self):
        yield 1

    def test_fine(self):
        pass
