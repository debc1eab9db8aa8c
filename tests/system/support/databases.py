"""One face for the databases that the tests fill and compare, so that a test can be written once for both."""

import contextlib
import sqlite3


class PostgresDatabase:
    dialect = "postgres"
    # A stamp as an ordinary application writes it: the start of its transaction.
    now = "now()"

    def __init__(self, cluster, name, create=True):
        self.cluster, self.name = cluster, name
        if create:
            cluster.create_database(name)

    def __str__(self):
        return "PostgreSQL"

    @property
    def url(self):
        return self.cluster.url(self.name)

    def connect(self):
        return self.cluster.connect(self.name, autocommit=False)

    def execute(self, sql, parameters=None):
        self.cluster.execute(self.name, sql, parameters)

    def rows(self, sql):
        """Streams: a million rows do not have to fit into memory."""
        with contextlib.closing(self.connect()) as connection, connection.cursor("stream") as cursor:
            cursor.itersize = 20_000
            cursor.execute(sql)
            yield from cursor


class SqliteDatabase:
    dialect = "sqlite"
    # In the canonical text form of a timestamp with zone; the clock has milliseconds.
    now = "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000+00'"

    def __init__(self, path):
        self.path = str(path)
        with contextlib.closing(self.connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")

    def __str__(self):
        return "SQLite"

    @property
    def url(self):
        return f"sqlite:{self.path}"

    def connect(self):
        """Transactions begin with BEGIN IMMEDIATE, written by the caller: then `now` is read under the write lock."""
        connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    def execute(self, sql, parameters=()):
        with contextlib.closing(self.connect()) as connection:
            connection.execute(sql, parameters or ())

    def rows(self, sql):
        with contextlib.closing(self.connect()) as connection:
            yield from connection.execute(sql)


def one(database, sql):
    """The only row's only value."""
    return next(iter(database.rows(sql)))[0]
