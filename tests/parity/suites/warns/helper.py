import warnings


def warn():
    warnings.warn("in a helper", ImportWarning, stacklevel=2)
    warnings.warn("in a helper, here", ResourceWarning)


warnings.warn("helper imported", RuntimeWarning)
