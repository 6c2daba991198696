def equal(a, b):
    assert a == b
