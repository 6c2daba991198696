def test_loose():
    assert __name__ in ("test_loose", "loose.test_loose", "top.loose.test_loose")
