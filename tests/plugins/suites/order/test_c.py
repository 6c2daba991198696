import pytest


@pytest.mark.dependency(name="base")
def test_base():
    pass


@pytest.mark.order(after=["test_b.py::TestOrdered::test_x", "test_base"])
def test_after_two():
    pass
