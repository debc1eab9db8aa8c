"""Deletions reach the targets: rows that users delete, insert again, move to other keys and truncate, all at once and never at rest.

By triggers that write keys down (`syncline prepare`), by a flag column, and by looking for the log's keys; from PostgreSQL and SQLite;
into one target that deletes and one that keeps rows under a flag. Capture is killed (kill -9) in between. Afterwards the first target
is equal to the source, and so are the rows of the second that are not flagged.

Seen to fail when a tombstone counts though its key is there again (rows are missing), and without the triggers for keys that change
and for rows that REPLACE takes away (rows are left).
"""

import random
import sqlite3
import threading
import time
import unittest

import psycopg2

from support.databases import PostgresDatabase, SqliteDatabase, one
from support.oracle import Table, assert_equal
from support.postgres import Cluster
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest

SECONDS = scaled(6, 120)
KILLS = scaled(3, 40)
WRITERS = 4
KEYS = 1000  # so many that few are deleted twice: a deletion that was missed is not made good by the next
# Users truncate the table.
RECONCILE = {"by": "reconcile", "every": "1ms", "max_deletes": "100%"}
COLUMNS = {"id": "int", "code": "text", "name": "text"}


class Users:
    """Threads that change items in transactions of a few statements each, some of which are rolled back; a with block stops them."""

    def __init__(self, source, soft, seed):
        self._source, self._soft = source, soft
        self._stop = threading.Event()
        self._truncates_until = time.monotonic() + SECONDS / 2
        self.done = 0
        self._failure = None
        self._threads = [
            threading.Thread(target=self._guarded, args=(random.Random(f"{seed}/{i}"),), daemon=True)
            for i in range(WRITERS)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        if self._failure is not None:
            raise self._failure

    def _guarded(self, rng):
        try:
            self._write(rng)
        except Exception as error:  # pylint: disable=broad-except
            self._failure = error

    def _write(self, rng):
        connection = self._source.connect()
        cursor = connection.cursor()
        while not self._stop.is_set():
            try:
                if self._source.dialect == "sqlite":
                    cursor.execute("BEGIN IMMEDIATE")
                for _ in range(rng.randint(1, 4)):
                    cursor.execute(self._statement(rng))
                    if rng.random() < 0.3:
                        time.sleep(rng.random() * 0.05)
                if rng.random() < 0.1:
                    connection.rollback()
                else:
                    connection.commit()
                self.done += 1
            except (psycopg2.errors.DeadlockDetected, psycopg2.errors.UniqueViolation, sqlite3.IntegrityError):
                connection.rollback()
            time.sleep(rng.random() * 0.02)
        connection.close()

    def _statement(self, rng):
        key, other, now = rng.randint(1, KEYS), rng.randint(1, KEYS), self._source.now
        code, name = f"'c{rng.randint(1, 100)}'", f"'n{rng.randrange(1 << 30)}'"
        postgres = self._source.dialect == "postgres"
        put = f"VALUES ({key}, {code}, {name}, {now})"
        change = f"SET name = excluded.name, updated_at = {now}"
        if self._soft:
            flag = rng.choice(["NULL", now])
            return rng.choice(
                [
                    f"INSERT INTO items (id, code, name, updated_at) {put} ON CONFLICT (id) DO UPDATE {change}",
                    f"UPDATE items SET deleted_at = {flag}, updated_at = {now} WHERE id = {key}",
                    f"UPDATE items SET deleted_at = {flag}, updated_at = {now} WHERE id BETWEEN {key} AND {key + 10}",
                ]
            )
        statements = [
            f"INSERT INTO items (id, code, name, updated_at) {put} ON CONFLICT (id) DO UPDATE {change}",
            f"DELETE FROM items WHERE id = {key}",
            f"DELETE FROM items WHERE id BETWEEN {key} AND {key + 10}",
            f"UPDATE items SET id = {other}, updated_at = {now} WHERE id = {key}",
        ]
        if not postgres:
            statements.append(f"INSERT OR REPLACE INTO items (id, code, name, updated_at) {put}")
            statements.append(f"UPDATE OR REPLACE items SET code = {code}, updated_at = {now} WHERE id = {key}")
        if rng.random() < 0.01 and time.monotonic() < self._truncates_until:
            return "TRUNCATE items" if postgres else "DELETE FROM items"
        if rng.random() < 0.4:
            return self._fill(rng)
        return rng.choice(statements)

    def _fill(self, rng):
        low, tag = rng.randint(1, KEYS), rng.randrange(1 << 30)
        values = ", ".join(f"({key}, 'f{key}.{tag}', 'n{tag}', {self._source.now})" for key in range(low, low + 20))
        return f"INSERT INTO items (id, code, name, updated_at) VALUES {values} ON CONFLICT (id) DO NOTHING"


class DeletesTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("deletes_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def test_tombstones_from_postgres(self):
        self.check(PostgresDatabase(self.cluster, "source"), "tombstones")

    def test_tombstones_from_sqlite(self):
        self.check(SqliteDatabase(self.folder / "source.db"), "tombstones")

    def test_a_flag_from_postgres(self):
        self.check(PostgresDatabase(self.cluster, "source"), {"by": "soft", "column": "deleted_at"})

    def test_a_flag_from_sqlite(self):
        self.check(SqliteDatabase(self.folder / "source.db"), {"by": "soft", "column": "deleted_at"})

    def test_reconciling_with_postgres(self):
        self.check(PostgresDatabase(self.cluster, "source"), RECONCILE)

    def test_reconciling_with_sqlite(self):
        self.check(SqliteDatabase(self.folder / "source.db"), RECONCILE)

    def check(self, source, deletes):
        """The whole test for one source and one way to find deletions."""
        soft = "column" in deletes
        rng = random.Random(f"{SEED}/{self.id()}")
        self.make(source)
        mirror = SqliteDatabase(self.folder / "mirror.db")
        archive = PostgresDatabase(self.cluster, "archive")
        syncline = Syncline(self.folder / "work", self.configuration(source, mirror, archive, deletes))
        if deletes == "tombstones":
            owner = ["--as", source.url] if source.dialect == "postgres" else []
            self.assertIn("installed", syncline.run("prepare", "--apply", *owner).stdout)
            self.assertIn("there already", syncline.run("prepare", "--apply", *owner).stdout)
        with Users(source, soft, self.id()) as users:
            for _ in range(KILLS):
                with syncline.start("run") as process:
                    time.sleep(SECONDS / KILLS * (0.5 + rng.random() / 2))
                    process.kill()
        syncline.run("run", "--once")
        # A row that has arrived, however far the killed runs have come.
        last = one(mirror, "SELECT min(id) FROM items")
        gone = f"UPDATE items SET deleted_at = {source.now}, updated_at = {source.now}" if soft else "DELETE FROM items"
        source.execute(f"{gone} WHERE id = {last}")
        syncline.run("run", "--once")
        rows = Table(source, "items", COLUMNS, "deleted_at IS NULL" if soft else None)
        assert_equal(rows, Table(mirror, "items", COLUMNS))
        assert_equal(rows, Table(archive, "items", COLUMNS, "gone IS NULL"))
        flagged = one(archive, "SELECT count(*) FROM items WHERE gone IS NOT NULL")
        self.assertGreater(flagged, 0)
        self.assertEqual(one(archive, "SELECT count(*) FROM syncline_conflicts"), 0)
        live = one(mirror, "SELECT count(*) FROM items")
        print(f"{self.id()}: {users.done} transactions, {live} rows, {flagged} flagged", flush=True)

    def make(self, source):
        stamp = "timestamptz"
        source.execute(
            f"CREATE TABLE items (id {'bigint' if source.dialect == 'postgres' else 'INTEGER'} PRIMARY KEY, "
            f"code text {'' if source.dialect == 'postgres' else 'UNIQUE'}, name text, "
            f"updated_at {stamp} NOT NULL, deleted_at {stamp})"
        )
        source.execute("CREATE INDEX items_updated ON items (updated_at)")
        for key in range(1, KEYS):
            source.execute(
                f"INSERT INTO items (id, code, name, updated_at) VALUES ({key}, 'k{key}', 'first', {source.now})"
            )
        if source.dialect == "postgres":
            self.cluster.create_reader(source.name)
            source.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader")

    def configuration(self, source, mirror, archive, deletes):
        reader = self.cluster.url(source.name, "reader") if source.dialect == "postgres" else source.url
        omit = {"items": {"omit": ["deleted_at"]}}
        return {
            "log": "log",
            "databases": {"source": reader, "mirror": mirror.url, "archive": archive.url},
            "defaults": {"every": "20ms", "cursor": "updated_at", "deletes": deletes},
            "pipelines": {
                "to-mirror": {"from": "source", "to": "mirror", "tables": omit},
                "to-archive": {"from": "source", "to": "archive", "on_delete": {"flag": "gone"}, "tables": omit},
            },
        }


if __name__ == "__main__":
    unittest.main(verbosity=2)
