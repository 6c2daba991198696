import pytest
from shop.models import Thing


def test_no_database():
    pass


@pytest.mark.django_db
def test_database():
    Thing.objects.create(name="a")
    assert Thing.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_transaction():
    Thing.objects.create(name="b")


@pytest.mark.django_db(databases=["default", "second"])
@pytest.mark.parametrize("name", ["x", "y"])
def test_second(name):
    Thing.objects.using("second").create(name=name)
    assert Thing.objects.using("second").count() == 1


def test_fixture(db):
    assert not Thing.objects.count()


def test_transactional_fixture(transactional_db):
    assert not Thing.objects.count()


def test_client(client, settings, rf, mailoutbox):
    assert client.get("/hello/").content == b"hello"


def test_blocked():
    Thing.objects.count()
