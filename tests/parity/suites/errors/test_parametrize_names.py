import pytest


def test_fine():
    pass


@pytest.mark.parametrize("absent", [1, 2])
def test_absent():
    pass
