import os

import pytest

SEEN = os.environ["FROM_INI"]


@pytest.mark.parametrize("value", [os.environ["FROM_INI"], os.environ["RAW"]])
def test_value(value):
    assert value in ("value", "{not_expanded}")


def test_seen():
    assert SEEN == "value"
