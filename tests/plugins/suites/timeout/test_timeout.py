import time

import pytest


@pytest.mark.timeout(0.2)
def test_too_long():
    time.sleep(10)


@pytest.mark.timeout(3, method="thread")
def test_in_time():
    time.sleep(0.01)


@pytest.mark.timeout(0)
def test_none():
    pass
