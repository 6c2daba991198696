from django.test import SimpleTestCase, TestCase, TransactionTestCase, tag
from shop.models import Thing


class TransactionCase(TransactionTestCase):
    def test_transaction(self):
        Thing.objects.create(name="t")


@tag("quick", "core")
class SimpleCase(SimpleTestCase):
    def test_simple(self):
        assert True

    @tag("slow")
    def test_tagged(self):
        assert True


class DatabaseCase(TestCase):
    fixtures = []

    @classmethod
    def setUpTestData(cls):
        cls.thing = Thing.objects.create(name="d")

    def test_count(self):
        self.assertEqual(Thing.objects.count(), 1)

    def test_client(self):
        self.assertEqual(self.client.get("/hello/").status_code, 200)

    @tag("slow")
    def test_fails(self):
        self.assertEqual(1, 2)
