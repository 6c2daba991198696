import pytest

pytestmark = pytest.mark.filterwarnings("ignore")


def pytest_generate_tests(metafunc):
    pass


class TestInInit:
    def test_method(self):
        pass
