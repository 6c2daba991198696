from . import tool


def test_tool():
    assert tool.VALUE == 1
