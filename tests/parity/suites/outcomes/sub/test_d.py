def test_fail_in_package():
    raise AssertionError("here")


def test_pass():
    pass
