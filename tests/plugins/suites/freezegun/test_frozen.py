import datetime

import pytest


@pytest.mark.freeze_time("2017-05-21")
def test_frozen():
    assert datetime.date.today() == datetime.date(2017, 5, 21)


@pytest.mark.freeze_time
class TestMoves:
    def test_move(self, freezer):
        freezer.move_to("2020-01-01")
        assert datetime.date.today() == datetime.date(2020, 1, 1)


def test_now(freezer):
    now = datetime.datetime.now()
    assert now == datetime.datetime.now()
