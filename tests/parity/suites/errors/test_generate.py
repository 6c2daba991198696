def pytest_generate_tests(metafunc):
    if metafunc.function.__name__ == "test_bad":
        raise LookupError("in pytest_generate_tests")


def test_good():
    pass


def test_bad():
    pass
