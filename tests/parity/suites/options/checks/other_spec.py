import pytest


@pytest.mark.quick
def check_quick():
    pass
