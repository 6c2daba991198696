import pytest


@pytest.mark.parametrize("value", [1, "two", {"three": [3]}])
def test_value(snapshot, value):
    assert value == snapshot


def test_differs(snapshot):
    assert "now" == snapshot


class TestIn:
    def test_named(self, snapshot):
        assert [1, 2] == snapshot(name="list")
