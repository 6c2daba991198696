import warnings

import helper

warnings.warn("while importing")
warnings.warn("deprecated while importing", DeprecationWarning)
warnings.warn("pending", PendingDeprecationWarning)
warnings.warn("dropped by the ini")
warnings.warn_explicit("explicit", UserWarning, "nowhere.py", 7)
helper.warn()


class OwnWarning(UserWarning):
    pass


warnings.warn("own category", OwnWarning)
warnings.warn(OwnWarning("an instance"))


def test_nothing():
    pass


def test_warns():
    warnings.warn("while running")
