from . import helper


def test_relative_import():
    assert helper() == 1


def test_name(inner_package):
    assert inner_package


class TestInPackage:
    def test_module_name(self):
        assert __name__ == "top.inner.test_inner"
