import product


def test_double():
    assert product.double(2) == 4


def test_nothing():
    pass
