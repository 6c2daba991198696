from sqlalchemy import Column, Integer, String, Table, select
from sqlalchemy.testing import combinations, eq_, fixtures


class RowsTest(fixtures.TablesTest):
    __backend__ = True

    @classmethod
    def define_tables(cls, metadata):
        Table("names", metadata, Column("id", Integer, primary_key=True), Column("name", String(9)))

    @classmethod
    def insert_data(cls, connection):
        rows = [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}]
        connection.execute(cls.tables.names.insert(), rows)

    @combinations((1, "one"), (2, "two"), argnames="id_, name")
    def test_row(self, connection, id_, name):
        names = self.tables.names
        eq_(connection.scalar(select(names.c.name).where(names.c.id == id_)), name)

    def test_count(self, connection):
        eq_(len(connection.execute(select(self.tables.names)).all()), 2)


class NeverTest(fixtures.TestBase):
    __requires__ = ("never",)
    __backend__ = True

    def test_never(self):
        raise AssertionError


class PlainTest(fixtures.TestBase):
    def test_b(self):
        pass

    def test_a(self):
        eq_(1, 2)


def test_no_class():
    pass
