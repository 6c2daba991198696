from test_classes import TestDerived, TestNested


class TestFarther(TestDerived):
    def test_more(self):
        pass


class TestNestedAgain(TestNested):
    class TestInner(TestNested.TestInner):
        def test_added(self):
            pass
