def test_by_other_ini():
    pass
