"""Rows that the target refuses, for every kind of reason, among many that it does not: everything else arrives, each is
parked with its reason, waits, and arrives when it was mended at its source and tried again.

Fails when one bad row stops the rest, when a good row is parked with it, when a reason names the wrong rule, when a later state
of a parked row overtakes it, or when `retry` leaves the two sides different.
"""

import collections
import unittest

from support import oracle
from support.databases import PostgresDatabase, SqliteDatabase, one
from support.postgres import Cluster
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest

ROWS = scaled(20_000, 1_000_000)
EVERY = 100  # one row in so many is bad
PARENTS = 1_000

SOURCE_TABLES = """
CREATE TABLE a_parents (id INTEGER PRIMARY KEY, updated_at TIMESTAMPTZ NOT NULL);
CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, code TEXT, quantity INTEGER, parent INTEGER, updated_at TIMESTAMPTZ NOT NULL)
"""
TARGET_TABLES = """
CREATE TABLE a_parents (id bigint PRIMARY KEY, updated_at timestamptz NOT NULL);
CREATE TABLE items (
  id bigint PRIMARY KEY, name text NOT NULL, code text CONSTRAINT items_code_key UNIQUE,
  quantity bigint CONSTRAINT items_quantity_check CHECK (quantity >= 0),
  parent bigint CONSTRAINT items_parent_fkey REFERENCES a_parents (id), updated_at timestamptz NOT NULL)
"""
COLUMNS = {"id": "int", "name": "text", "code": "text", "quantity": "int", "parent": "int", "updated_at": "timestamptz"}

# kind -> what the reason says; the place in the list is the kind of a bad row.
REASONS = {
    "null": "NOT NULL column name holds NULL",
    "check": "violates CHECK",
    "unique": "is taken by another row",
    "parent": "refers to a row of",
    "type": "quantity: invalid input syntax for type bigint",
    "text": "not valid UTF-8",
}


def values_of(number, kind):
    """A row of the source; `kind` is what is wrong with it."""
    name = None if kind == "null" else f"item {number}"
    if kind == "text":
        name = b"\xff\xfe broken"
    code = f"c{number - 1}" if kind == "unique" else f"c{number}"
    quantity = {"check": -1, "type": "many"}.get(kind, number % 50)
    parent = 10**9 if kind == "parent" else number % PARENTS + 1
    return number, name, code, quantity, parent


class QuarantineTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("quarantine_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def fill(self, source, bad):
        connection = source.connect()
        connection.executescript(SOURCE_TABLES)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            f"INSERT INTO a_parents VALUES (?, {source.now})", ((n,) for n in range(1, PARENTS + 1))
        )
        connection.executemany(
            f"INSERT INTO items VALUES (?, CAST(? AS TEXT), ?, ?, ?, {source.now})",
            (values_of(n, bad.get(n)) for n in range(1, ROWS + 1)),
        )
        connection.execute("COMMIT")
        connection.close()

    def check(self, target, kinds):
        source = SqliteDatabase(self.folder / "source.db")
        # Never two in a row: a unique value is taken from the row before.
        numbers = range(EVERY // 2 + SEED % 40, ROWS + 1, EVERY)
        bad = {number: kinds[place % len(kinds)] for place, number in enumerate(numbers)}
        self.fill(source, bad)
        connection = target.connect()
        (connection.executescript if target.dialect == "sqlite" else connection.cursor().execute)(TARGET_TABLES)
        connection.commit()
        connection.close()
        syncline = Syncline(self.folder, {
            "log": "./log",
            "databases": {"from": source.url, "to": target.url},
            "defaults": {"cursor": "updated_at", "quarantine": {"limit": len(bad)}},
            "pipelines": {"way": {"from": "from", "to": "to", "tables": {"a_parents": {}, "items": {}}}},
        })  # fmt: skip
        syncline.run("capture", "--once", timeout=3600)
        applied = syncline.run("apply", "--once", timeout=3600, expect=1)  # rows are refused
        self.assertIn(f"the target refuses {len(bad)} rows", applied.stderr.replace(",", ""))
        print(f"{target}: {ROWS:,} rows, {len(bad):,} refused, in {applied.seconds:.1f} s,"
              f" {applied.cpu_seconds:.1f} s of CPU, {applied.peak_bytes >> 20} MiB", flush=True)  # fmt: skip
        self.assertEqual(one(target, "SELECT count(*) FROM items"), ROWS - len(bad))
        parked = syncline.run("quarantine", "list", "--json").json()
        self.assertEqual((parked["refused"], parked["waiting"]), (len(bad), 0))
        for change in parked["parked"]:
            self.assertIn(REASONS[bad[change["key"]["id"]]], change["reason"])
        told = collections.Counter(change["reason"] for change in parked["parked"])
        print("\n".join(f"  {count:>6}  {reason}" for reason, count in told.items()), flush=True)
        self.mend(source, target, syncline, bad)

    def mend(self, source, target, syncline, bad):
        """At the source, row by row: the new states wait, and `retry` brings them."""
        connection = source.connect()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            f"UPDATE items SET name = ?2, code = ?3, quantity = ?4, parent = ?5, updated_at = {source.now} WHERE id = ?1",
            (values_of(number, None) for number in bad),
        )
        connection.execute("COMMIT")
        connection.close()
        syncline.run("run", "--once", timeout=3600, expect=1)
        self.assertEqual(one(target, "SELECT count(*) FROM items"), ROWS - len(bad))
        retried = syncline.run("quarantine", "retry", "way", "--json", timeout=3600)
        print(f"  retry: {retried.seconds:.1f} s", flush=True)
        self.assertEqual(retried.json()["applied"], 2 * len(bad))
        oracle.assert_equal(oracle.Table(source, "items", COLUMNS), oracle.Table(target, "items", COLUMNS))
        self.assertEqual(syncline.run("quarantine", "list", "--json").json()["parked"], [])

    def test_postgres_as_the_target(self):
        self.check(PostgresDatabase(self.cluster, "target"), list(REASONS))

    def test_sqlite_as_the_target(self):
        # It takes any type and any text.
        self.check(SqliteDatabase(self.folder / "target.db"), ["null", "check", "unique", "parent"])


if __name__ == "__main__":
    unittest.main()
