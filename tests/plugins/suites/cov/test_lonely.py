from product import lonely


def test_lonely():
    assert lonely.LINES == 3
