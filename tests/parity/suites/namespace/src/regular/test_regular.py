from regular import data


def test_regular():
    assert data.VALUE == 3
