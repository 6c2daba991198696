import random

import pytest


class TestFirst:
    @pytest.mark.parametrize("x", range(4))
    def test_x(self, x):
        assert random.random() < 2

    def test_last(self):
        pass


class TestSecond:
    def test_one(self, record_property):
        record_property("random", random.random())

    def test_two(self):
        assert random.randint(1, 10) > 5


def test_function():
    pass


def test_another():
    pass
