"""A source and a target of a test's own, PostgreSQL or SQLite, and a configuration for the two."""

import contextlib

from support.databases import PostgresDatabase, SqliteDatabase
from support.postgres import Cluster
from support.syncline import Syncline, SystemTest

STAMP = "updated_at timestamptz NOT NULL DEFAULT now()"


class TwoDatabasesTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def postgres(self, name, *statements, options=""):
        if options:
            with contextlib.closing(self.cluster.connect("postgres")) as connection, connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
        database = PostgresDatabase(self.cluster, name, create=not options)
        for statement in statements:
            database.execute(statement)
        return database

    def sqlite(self, name, *statements):
        database = SqliteDatabase(self.folder / name)
        for statement in statements:
            database.execute(statement)
        return database

    def syncline(self, source, target, tables=None, **defaults):
        return Syncline(
            self.folder,
            {
                "log": "./log",
                "databases": {"from": getattr(source, "url", source), "to": getattr(target, "url", target)},
                "defaults": {"every": "20ms", "cursor": "updated_at", **defaults},
                "pipelines": {"way": {"from": "from", "to": "to", "tables": tables or {"*": {}}}},
            },
        )  # fmt: skip

    def between(self, a, b, table):
        return Syncline(
            self.folder,
            {
                "log": "./log",
                "databases": {"a": a.url, "b": b.url},
                "defaults": {"every": "20ms", "cursor": "updated_at"},
                "pipelines": {"ab": {"between": ["a", "b"], "tables": {table: {}}}},
            },
        )
