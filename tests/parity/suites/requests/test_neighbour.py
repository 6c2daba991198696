VALUE = 7


def test_neighbour():
    pass
