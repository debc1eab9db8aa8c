#!/usr/bin/env python3
"""What can befall two databases that are both written to, besides kills: lost and restored databases and logs, rows and keys
that cannot be told apart or logged, rows that go with others. Nothing is emptied, overwritten or stuck because of it."""

import shutil
import unittest

from support.databases import PostgresDatabase, SqliteDatabase
from support.postgres import Cluster
from support.sides import Side
from support.syncline import Syncline, SystemTest

OLD = "'2026-01-01 00:00:00.000000+00'"


class TwoWayTroubleTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def side(self, name, kind="sqlite"):
        if kind == "postgres":
            return Side(name, PostgresDatabase(self.cluster, name))
        return Side(name, SqliteDatabase(self.folder / f"{name}.db"))

    def pair(self, *sides, deletes="none", tables=None):
        a, b = sides
        self.syncline = Syncline(
            self.folder,
            {
                "log": "./log",
                "databases": {"a": a.database.url, "b": b.database.url},
                "defaults": {"every": "20ms", "cursor": "updated_at", "deletes": deletes},
                "pipelines": {"ab": {"between": ["a", "b"], "tables": tables or {a.table: {"to": b.table}}}},
            },
        )
        if deletes == "tombstones":
            self.syncline.run("prepare", "--apply")

    def sync(self, times=2, expect=0):
        for _ in range(times):
            self.syncline.run("run", "--once", expect=expect)

    def test_a_database_that_is_gone_empties_nobody(self):
        """Seen to fail when a missing file or table is made anew although the log holds its rows."""
        a, b = self.side("a"), self.side("b")
        self.pair(a, b, deletes="reconcile")
        a.write("INSERT INTO items VALUES (1, 'a1', {now}), (2, 'a2', {now})")
        self.sync()
        path = self.folder / "b.db"
        path.rename(self.folder / "b.away")
        a.write("UPDATE items SET content = 'a1+', updated_at = {now} WHERE id = 1")
        told = self.syncline.run("run", "--once", expect=3)
        self.assertIn("there is no such file", told.stderr)
        self.assertEqual(a.rows(), {1: "a1+", 2: "a2"})
        (self.folder / "b.away").rename(path)
        b.write("DROP TABLE items")
        told = self.syncline.run("run", "--once", expect=2)
        self.assertIn("there is no such table", told.stderr)
        self.assertEqual(a.rows(), {1: "a1+", 2: "a2"})

    def test_a_restored_database_does_not_take_the_other_back(self):
        """Seen to fail when the progress row is not held against what the database's own log knows."""
        a, b = self.side("a"), self.side("b")
        self.pair(a, b)
        a.write("INSERT INTO items VALUES (1, 'old', {now})")
        self.sync()
        b.write("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(self.folder / "b.db", self.folder / "backup")
        a.write("UPDATE items SET content = 'new', updated_at = {now} WHERE id = 1")
        self.sync()
        self.assertEqual(b.rows(), {1: "new"})
        b.write("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(self.folder / "backup", self.folder / "b.db")
        for left in self.folder.glob("b.db-*"):
            left.unlink()
        told = self.syncline.run("run", "--once", expect=1)
        self.assertIn("behind its own log", told.stderr)
        self.assertEqual(a.rows(), {1: "new"})
        # As the hint says: what both hold now is compared.
        shutil.rmtree(self.folder / "log")
        self.sync()
        self.assertEqual([a.rows(), b.rows()], 2 * [{1: "new"}])

    def test_a_log_that_is_made_anew_learns_its_clocks(self):
        """Coarse stamps: a's clocks are above them."""
        a, b = self.side("a"), self.side("b")
        self.pair(a, b)
        a.write(f"INSERT INTO items VALUES (1, 'v0', {OLD}), (2, 'same', {OLD})")
        self.sync()
        for version in ("v1", "v2", "v3"):
            b.write(f"UPDATE items SET content = '{version}' WHERE id = 1")
            self.syncline.run("conflicts", "list")
            b.write("UPDATE items SET updated_at = {now} WHERE id = 1")
            self.sync()
        shutil.rmtree(self.folder / "log" / "a")
        self.sync()
        a.write("UPDATE items SET content = 'new' WHERE id = 1")
        a.write("UPDATE items SET updated_at = {now} WHERE id = 1")
        self.sync(3)
        self.assertEqual([a.rows(), b.rows()], 2 * [{1: "new", 2: "same"}])

    def test_a_row_without_a_version_is_parked_and_the_rest_goes_on(self):
        a = self.side("a")
        b = Side("b", SqliteDatabase(self.folder / "b.db"), nullable=True)
        self.pair(a, b)
        a.write("INSERT INTO items VALUES (1, 'one', {now}), (2, 'two', {now})")
        self.sync()
        b.write("UPDATE items SET updated_at = NULL, content = 'unknown' WHERE id = 1")
        a.write("UPDATE items SET content = content || '+', updated_at = {now}")
        self.sync(expect=1)  # a row is refused
        self.assertEqual(b.rows(), {1: "unknown", 2: "two+"})
        parked = self.syncline.run("quarantine", "list", "--json").stdout
        self.assertIn("NULL in its cursor column", parked)

    def test_keys_that_are_equal_and_look_different(self):
        """numeric 1.0 and 1.00. Seen to be stuck when rows are found by the bytes of their keys only."""
        sides = []
        for name, key in (("a", "1.0"), ("b", "1.00")):
            database = PostgresDatabase(self.cluster, name)
            database.execute("CREATE TABLE items(id numeric PRIMARY KEY, content text, updated_at timestamptz NOT NULL)")
            database.execute(f"INSERT INTO items VALUES ({key}, '{name}', now())")
            sides.append(database)
        self.syncline = Syncline(
            self.folder,
            {
                "log": "./log",
                "databases": {"a": sides[0].url, "b": sides[1].url},
                "defaults": {"cursor": "updated_at"},
                "pipelines": {"ab": {"between": ["a", "b"], "tables": {"public.items": {}}}},
            },
        )
        self.sync()
        sides[0].execute("UPDATE items SET content = 'new', updated_at = now()")
        self.sync()
        for database in sides:
            self.assertEqual([row[0] for row in database.rows("SELECT content FROM items")], ["new"])

    def test_what_goes_with_a_deleted_row_is_logged_first(self):
        """A child that nobody has polled goes with its parent. Seen to fail without the poll before a deletion."""
        a, b = self.side("a"), self.side("b")
        for side in (a, b):
            side.database.execute("CREATE TABLE children(id bigint PRIMARY KEY, parent bigint REFERENCES items"
                                  " ON DELETE CASCADE, updated_at TEXT NOT NULL)")  # fmt: skip
        self.pair(a, b, deletes="tombstones", tables={"items": {}, "children": {}})
        a.write("INSERT INTO items VALUES (1, 'parent', {now})")
        self.sync()
        a.write("DELETE FROM items WHERE id = 1")
        self.syncline.run("run", "ab/a", "--once")
        self.syncline.run("capture", "ab/b", "--once")
        b.write("INSERT INTO children VALUES (100, 1, {now})")
        self.syncline.run("run", "ab/b", "--once")
        logged = [line["op"] for line in self.syncline.run("log", "cat", "b", "--json").json_lines()
                  if line["table"] == "children"]  # fmt: skip
        self.assertIn("upsert", logged)

    def test_an_older_deletion_does_not_beat_a_newer_update(self):
        """Nobody has polled either. Seen to fail when a deletion counts as made when it is found."""
        a, b = self.side("a"), self.side("b", "postgres")
        self.pair(a, b, deletes="tombstones")
        a.write("INSERT INTO items VALUES (1, 'one', {now}), (2, 'two', {now})")
        self.sync()
        b.write("DELETE FROM items WHERE id = 1")
        a.write("DELETE FROM items WHERE id = 2")
        a.write("UPDATE items SET content = 'newer', updated_at = {now} WHERE id = 1")
        b.write("UPDATE items SET content = 'newer', updated_at = {now} WHERE id = 2")
        self.sync(3)
        self.assertEqual([a.rows(), b.rows()], 2 * [{1: "newer", 2: "newer"}])

    def test_two_names_of_one_database(self):
        a = self.side("a")
        (self.folder / "link.db").symlink_to(self.folder / "a.db")
        self.syncline = Syncline(
            self.folder,
            {
                "log": "./log",
                "databases": {"a": a.database.url, "b": f"sqlite:{self.folder}/link.db"},
                "defaults": {"cursor": "updated_at"},
                "pipelines": {"ab": {"between": ["a", "b"], "tables": {"items": {}}}},
            },
        )
        told = self.syncline.run("run", "--once", expect=2)
        self.assertIn("both databases say that they are", told.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
