import unittest


def test_with(subtests):
    for number in range(3):
        with subtests.test("message", number=number):
            assert number != 1


class Case(unittest.TestCase):
    def test_sub(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 2)
