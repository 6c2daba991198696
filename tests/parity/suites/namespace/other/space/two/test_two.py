def test_two():
    import space

    assert len(list(space.__path__)) >= 1
