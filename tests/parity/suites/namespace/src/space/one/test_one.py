def test_one():
    assert __name__ in ("space.one.test_one", "one.test_one", "test_one", "src.space.one.test_one")
