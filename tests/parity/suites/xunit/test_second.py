from test_xunit import note


def setup_module():
    note("setup_module of second")


def teardown_module():
    note("teardown_module of second")


def setup_function():
    note("setup_function of second")


def test_second():
    note("test_second")


class TestStaticSetups:
    @staticmethod
    def setup_method():
        note("static setup_method")

    def test_static(self):
        note("test_static")


class TestSetupRaises:
    def setup_method(self):
        raise RuntimeError

    def teardown_method(self):
        note("not reached")

    def test_never(self):
        note("never")
