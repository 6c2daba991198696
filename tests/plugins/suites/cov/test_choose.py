import product
import pytest


@pytest.mark.parametrize("value", [1, 5])
def test_choose(value):
    assert product.choose(value) in ("big", "small")
