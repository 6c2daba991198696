def test_unrelated():
    pass
