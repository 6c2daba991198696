import pytest
from twisted.internet import defer, reactor, task


@pytest.fixture
def value():
    return 3


def test_deferred(value):
    deferred = defer.Deferred()
    reactor.callLater(0.01, deferred.callback, value)
    return deferred


def test_inline():
    import pytest_twisted

    pytest_twisted.blockon(task.deferLater(reactor, 0.01, lambda: None))


def test_fails():
    return defer.fail(ValueError("no"))
