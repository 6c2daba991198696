import pytest

json = pytest.importorskip("json")


def test_fine():
    assert json
