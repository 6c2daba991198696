"""Each test has an instance of its own; the class is shared."""


class TestState:
    seen = []

    def test_a(self):
        assert not hasattr(self, "x")
        self.x = 1
        self.seen.append("a")

    def test_b(self):
        assert not hasattr(self, "x")
        assert self.seen == ["a"]
        assert type(self).seen is TestState.seen
