import warnings

import helper  # noqa: F401  (a second import warns no more)

warnings.warn("second file")


def test_again():
    pass
