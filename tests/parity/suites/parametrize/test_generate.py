import pytest


def pytest_generate_tests(metafunc):
    if "number" in metafunc.fixturenames:
        metafunc.parametrize("number", range(3))
    if "word" in metafunc.fixturenames:
        metafunc.parametrize("word", ["x", "y"], ids=str.upper, scope="module")
    if metafunc.cls is not None and hasattr(metafunc.cls, "scenarios"):
        metafunc.parametrize("scenario", metafunc.cls.scenarios, scope="class")


def test_number(number):
    pass


def test_word(word):
    pass


def test_number_and_word(word, number):
    pass


class TestScenarios:
    scenarios = [("s", 1), ("t", 2)]

    def test_one(self, scenario):
        pass

    def test_two(self, scenario):
        pass


@pytest.mark.parametrize("number_", [9])
def test_other(number_):
    pass
