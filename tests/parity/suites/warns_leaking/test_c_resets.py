"""Takes all filters away, those of pytest too."""

import warnings

warnings.resetwarnings()
warnings.warn("after resetting")


def test_nothing():
    pass
