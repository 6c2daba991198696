from package import __doc__ as text  # noqa: F401


def f():
    """
    >>> f()
    """
