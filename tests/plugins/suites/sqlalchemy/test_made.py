import itertools

from sqlalchemy.testing import combinations, fixtures


@combinations(("small", 1), ("large", 1000), argnames="size, number", id_="sa")
class SizeTest(fixtures.TestBase):
    __sparse_backend__ = True

    def test_size(self):
        assert self.number in (1, 1000)

    @combinations(*itertools.product("ab", (1, 2)), argnames="letter, number")
    def test_pair(self, letter, number):
        assert letter in "ab"
