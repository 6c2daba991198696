def test_yes():
    pass
