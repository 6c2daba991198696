def test_place(place):
    assert place == ["root"]


def test_unknown(nonexistent_fixture):
    pass
