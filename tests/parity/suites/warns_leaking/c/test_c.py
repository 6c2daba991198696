"""Before the module that ignores everything; its own filters are gone when it has been imported."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    warnings.warn("never seen")
warnings.warn("of no interest")
warnings.warn("seen from here")


class TestCollects:
    def __init__(self):
        """pytest warns when it collects this class."""


def test_nothing():
    pass
