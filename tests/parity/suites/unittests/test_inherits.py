import test_unittests


class TestThere(test_unittests.TestSimple):
    def test_raises(self):
        pass


class TestHere(test_unittests.Mixin, test_unittests.TestCase):
    def setUp(self):
        self.skipTest("in setUp")
