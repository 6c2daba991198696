import pytest


@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("x", range(3))
def test_x(x, who):
    assert who


class TestIn:
    def test_in(self, testrun_uid):
        assert testrun_uid

    def test_fails(self):
        raise ValueError
