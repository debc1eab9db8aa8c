"""Many tables: what one of them costs does not grow with the number of the others.

On a build whose frames carried the cursor of all tables, 300 tables of two rows made a log of 9 MB.
"""

import unittest

from support import log
from support.databases import PostgresDatabase, SqliteDatabase
from support.postgres import Cluster
from support.syncline import Syncline, SystemTest

TABLES = 300


class ManyTablesTest(SystemTest):
    def fill(self, source, stamp):
        make = "".join(
            f"CREATE TABLE t{i}(id int PRIMARY KEY, v text, updated_at {stamp} NOT NULL);"
            f"CREATE INDEX t{i}_u ON t{i}(updated_at);"
            f"INSERT INTO t{i} VALUES(1, 'a', {source.now}), (2, 'b', {source.now});"
            for i in range(TABLES)
        )
        if source.dialect == "postgres":
            source.execute(make)
        else:
            connection = source.connect()
            connection.executescript(f"BEGIN;{make}COMMIT;")
            connection.close()

    def check(self, source, target, pattern):
        syncline = Syncline(
            self.folder / source.dialect,
            {
                "log": "./log",
                "databases": {"source": source.url, "target": target.url},
                "defaults": {"every": "20ms", "cursor": "updated_at"},
                "pipelines": {"p": {"from": "source", "to": "target", "tables": {pattern: {}}}},
            },
        )
        syncline.run("run", "--once", "--log-level", "warn")
        before = log.stat(syncline, "source")
        self.assertIn(before["changes"], (2 * TABLES, 2 * TABLES + 1))  # a mark may close the cut
        self.assertLess(before["bytes_on_disk"], 2 << 20)
        changes = 5
        for i in range(changes):
            source.execute(f"UPDATE t{i} SET v = 'new', updated_at = {source.now} WHERE id = 1")
            syncline.run("run", "--once", "--log-level", "warn")
        after = log.stat(syncline, "source")
        self.assertEqual(after["changes"], before["changes"] + changes)
        self.assertLess((after["stored_bytes"] - before["stored_bytes"]) / changes, 2048)
        self.assertTrue(syncline.run("verify", "--json").json()["equal"])
        self.assertIn(f"{TABLES} tables loaded", after["cursor"])
        self.assertEqual(len(syncline.run("status", "--json", expect=None).json()["pipelines"][0]["guarantees"]), TABLES)
        self.assertIn("whole", syncline.run("log", "verify").stdout)

    def test_postgres(self):
        with Cluster() as cluster:
            source, target = (PostgresDatabase(cluster, name) for name in ("source", "target"))
            self.fill(source, "timestamptz")
            self.check(source, target, "public.*")

    def test_sqlite(self):
        source, target = (SqliteDatabase(self.folder / f"{name}.db") for name in ("source", "target"))
        self.fill(source, "TEXT")
        self.check(source, target, "*")


if __name__ == "__main__":
    unittest.main()
