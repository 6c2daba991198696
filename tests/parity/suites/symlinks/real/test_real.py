def test_real(where):
    assert where == "real"
