"""A module's own filters hold for all that is imported after it."""

import warnings

warnings.simplefilter("ignore")
warnings.warn("filtered by the module itself")


def test_nothing():
    pass
