"""A module.

>>> 1 + 1
2
>>> seven
7
"""


def function():
    """
    >>> function()
    'x'
    """
    return "x"


def fails():
    """
    >>> fails()
    'x'
    """
    return "y"


def skipped():
    """
    >>> skipped()  # doctest: +SKIP
    'x'
    """


def no_examples():
    """Nothing to run."""


class Class:
    """
    >>> Class().method()
    1
    """

    def method(self):
        """
        >>> Class().method()
        1
        >>> getfixture("tmp_path").exists()
        True
        """
        return 1

    @property
    def prop(self):
        """
        >>> Class().prop
        2
        """
        return 2

    @staticmethod
    def static():
        """
        >>> Class.static()
        3
        """
        return 3

    class Inner:
        """
        >>> Class.Inner  # doctest: +ELLIPSIS
        <class '...Inner'>
        """


__test__ = {"extra": ">>> 3\n3\n", "bad": ">>> 3\n4\n"}
