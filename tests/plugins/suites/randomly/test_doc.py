"""
>>> 1 + 1
2
"""
import unittest


class Case(unittest.TestCase):
    def test_b(self):
        pass

    def test_a(self):
        pass
