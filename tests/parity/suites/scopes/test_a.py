import pytest


def test_plain():
    pass


def test_session(session_param):
    pass


def test_module(module_param):
    pass


def test_session_and_module(session_param, module_param):
    pass


def test_unhashable(session_unhashable):
    pass


def test_package(package_param):
    pass


def test_opaque(opaque):
    assert opaque.port in (1, 2)


class TestClass:
    def test_class(self, class_param):
        pass

    def test_class_again(self, class_param):
        pass

    def test_class_and_session(self, class_param, session_param):
        pass


@pytest.mark.parametrize("direct", [1, 2], scope="session")
def test_direct_session(direct):
    pass


@pytest.mark.parametrize("direct", [2, 1], scope="session")
def test_direct_session_reversed(direct):
    pass


@pytest.mark.parametrize("direct", [1.0, True, "1"], scope="session")
def test_direct_session_equal_to_others(direct):
    pass


@pytest.mark.parametrize("direct", [[1], {"a": 2}], scope="module")
def test_direct_module_unhashable(direct):
    pass


@pytest.mark.parametrize("direct", [float("nan"), None], scope="session")
def test_direct_nan(direct):
    pass


@pytest.mark.parametrize("direct", ["x", "y"], scope="class")
class TestDirectClass:
    def test_x(self, direct):
        pass

    def test_y(self, direct):
        pass

    class TestInner:
        def test_z(self, direct):
            pass
