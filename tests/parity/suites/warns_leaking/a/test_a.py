import warnings

warnings.warn("of no interest")
warnings.warn("but this one is")


def test_nothing():
    pass
