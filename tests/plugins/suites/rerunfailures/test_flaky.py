import pytest

tries = {}


def attempt(name):
    tries[name] = tries.get(name, 0) + 1
    return tries[name]


@pytest.mark.flaky(reruns=2)
def test_second_time():
    assert attempt("second") == 2


@pytest.mark.flaky(reruns=1, only_rerun="ValueError")
def test_only():
    if attempt("only") == 1:
        raise ValueError("again")
    raise KeyError("not again")


def test_by_option():
    assert attempt("option") == 3


class TestIn:
    @pytest.mark.parametrize("x", [1, 2])
    def test_in(self, x):
        assert attempt(f"in {x}") == x
