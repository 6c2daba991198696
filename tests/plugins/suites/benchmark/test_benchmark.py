import pytest


@pytest.mark.benchmark(group="sums")
@pytest.mark.parametrize("number", [10, 100])
def test_sum(benchmark, number):
    assert benchmark(sum, range(number)) == number * (number - 1) // 2


def test_pedantic(benchmark):
    benchmark.pedantic(sorted, args=([3, 1, 2],), rounds=2, iterations=1)


def test_without():
    pass
