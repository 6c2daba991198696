import pytest


def test_package(package_param):
    pass


def test_all(session_param, package_param, module_param):
    pass


@pytest.mark.parametrize("place", ["x", "y"], scope="package")
def test_place(place):
    pass


def test_opaque(opaque):
    pass
