from pathlib import Path


def note(text):
    with open(Path(__file__).with_name("order.txt"), "a", encoding="utf-8") as file:
        file.write(text + "\n")


def setup_module(module):
    note(f"setup_module {module.__name__}")


def teardown_module(module):
    note(f"teardown_module {module.__name__}")


def setup_function(function):
    note(f"setup_function {function.__name__}")


def teardown_function(function):
    note(f"teardown_function {function.__name__}")


def test_first():
    note("test_first")


def test_fails():
    note("test_fails")
    raise AssertionError


class TestClass:
    @classmethod
    def setup_class(cls):
        note(f"setup_class {cls.__name__}")

    @classmethod
    def teardown_class(cls):
        note(f"teardown_class {cls.__name__}")

    def setup_method(self, method):
        note(f"setup_method {method.__name__}")

    def teardown_method(self, method):
        note(f"teardown_method {method.__name__}")

    def test_a(self):
        note("test_a")

    def test_b(self):
        note("test_b")

    class TestInner:
        def setup_class(cls):
            note("setup_class of inner")

        def setup_method(self):
            note("setup_method of inner")

        def teardown_method(self):
            note("teardown_method of inner")

        def test_c(self):
            note("test_c")


class TestDerived(TestClass):
    def setup_method(self, method):
        super().setup_method(method)
        note("setup_method of derived")


def test_last():
    note("test_last")
