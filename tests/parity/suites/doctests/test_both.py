"""Tests and doctests in one file.

>>> len("abc")
3
"""


def test_plain():
    """
    >>> 1
    1
    """


class TestClass:
    """
    >>> 2
    2
    """

    def test_method(self):
        """
        >>> 3
        3
        """


def raises():
    """
    >>> raises()
    Traceback (most recent call last):
    ...
    ValueError: x
    """
    raise ValueError("x")
