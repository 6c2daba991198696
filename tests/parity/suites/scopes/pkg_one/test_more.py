import pytest


@pytest.mark.parametrize("place", ["y", "x"], scope="package")
class TestPlace:
    def test_place(self, place):
        pass

    def test_with_package(self, place, package_param):
        pass


def test_session(session_param):
    pass
