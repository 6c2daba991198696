def test_place(place, colour):
    assert place == ["root"]
    assert colour == "red"
