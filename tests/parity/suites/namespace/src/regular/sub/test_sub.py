from .. import data


class TestSub:
    def test_sub(self):
        assert data.VALUE == 3
