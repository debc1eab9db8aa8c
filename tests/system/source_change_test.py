"""A source that changes under a running capture, or is another one than before, ends equal without anybody's help.

The program runs all the time. Its source's tables get columns, lose them and get others of the same name and of other types; they are
emptied and filled with old rows, rewritten, renamed away for others; the database is dropped and restored, piece by piece; a SQLite file
is replaced by a backup. `verify` compares both sides after each, and finds them equal. Rows that a policy hides are refused, and are still on
the target.

Seen to fail on the build before, which took up a new column at its next connection only, and never noticed the rest: most tests
waited in vain for the change.
"""

import os
import shutil
import sqlite3
import unittest

from support.databases import PostgresDatabase, SqliteDatabase, one
from support.postgres import Cluster
from support.syncline import Syncline, SystemTest
from support.waiting import eventually

OLD = "now() - interval '1 year'"


class SourceChangeTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def make(self, name="source"):
        """200 items, stamped a day ago by a default and a trigger that sets the column."""
        source = PostgresDatabase(self.cluster, name)
        self.fill(source)
        return source

    @staticmethod
    def fill(source):
        source.execute(
            "CREATE TABLE items (id bigint PRIMARY KEY, name text, n int, updated_at timestamptz NOT NULL DEFAULT now());"
            "CREATE INDEX ON items (updated_at);"
            "INSERT INTO items SELECT i, 'name ' || i, i, now() - interval '1 day' FROM generate_series(1, 200) i"
        )

    def configured(self, source, **more):
        mirror = SqliteDatabase(self.folder / "mirror.db")
        return mirror, Syncline(
            self.folder / "work",
            {
                "log": "log",
                "databases": {"source": source.url, "mirror": mirror.url},
                "defaults": {"every": "50ms", "cursor": "updated_at", "changed_columns": "keep", **more},
                "pipelines": {"p": {"from": "source", "to": "mirror", "tables": {"items": {}}}},
            },
        )

    def in_step(self, syncline, mirror, rows, process):
        """Waits until the mirror has so many rows, then asks for the judgement of `verify`, which polls once more."""
        eventually(lambda: process.is_running() and one(mirror, "SELECT count(*) FROM items") == rows, f"{rows} rows", 30)
        results = []

        def is_judged():
            results.append(syncline.run("verify", expect=None))
            return results[-1].code != 1  # capture was just about to try again

        eventually(is_judged, "`verify` to judge", 30)
        self.assertEqual(results[-1].code, 0, results[-1].stdout + results[-1].stderr + process.output()[-3000:])

    def test_tables_change_under_a_running_capture(self):
        source = self.make()
        mirror, syncline = self.configured(source)
        with syncline.start("run") as process:
            eventually(lambda: (self.folder / "mirror.db").stat().st_size > 0, "the mirror")
            eventually(lambda: "items" in tables(mirror), "the table")
            self.in_step(syncline, mirror, 200, process)
            source.execute("ALTER TABLE items ADD COLUMN note text")
            source.execute("UPDATE items SET note = 'n' || id, updated_at = now() WHERE id <= 100")
            eventually(lambda: "note" in columns(mirror), "the new column", 30)
            eventually(lambda: one(mirror, "SELECT count(note) FROM items") == 100, "its values", 30)
            self.in_step(syncline, mirror, 200, process)
            source.execute(
                "BEGIN; ALTER TABLE items DROP COLUMN note; ALTER TABLE items ADD COLUMN note text;"
                "UPDATE items SET note = 'again', updated_at = now() WHERE id = 6; COMMIT"
            )
            eventually(lambda: one(mirror, "SELECT count(note) FROM items") == 1, "the other column's values", 30)
            self.in_step(syncline, mirror, 200, process)
            source.execute("ALTER TABLE items ALTER n TYPE numeric(12, 2)")
            source.execute("UPDATE items SET n = n + 0.55, updated_at = now() WHERE id <= 5")
            self.in_step(syncline, mirror, 200, process)
            source.execute("VACUUM FULL items")
            source.execute("CLUSTER items USING items_pkey")
            self.in_step(syncline, mirror, 200, process)
            source.execute(
                f"BEGIN; CREATE TABLE kept AS SELECT * FROM items; TRUNCATE items;"
                f"INSERT INTO items (id, name, updated_at) SELECT id, 'reloaded', {OLD} FROM kept; COMMIT"
            )
            self.in_step(syncline, mirror, 200, process)
            source.execute(
                f"CREATE TABLE yesterday (LIKE items INCLUDING ALL);"
                f"INSERT INTO yesterday (id, name, updated_at) SELECT i, 'older', {OLD} FROM generate_series(1, 190) i;"
                f"BEGIN; ALTER TABLE items RENAME TO away; ALTER TABLE yesterday RENAME TO items; COMMIT"
            )
            self.in_step(syncline, mirror, 190, process)
            process.terminate()

    def test_a_database_that_is_restored_piece_by_piece(self):
        source = self.make()
        mirror, syncline = self.configured(source)
        with syncline.start("run") as process:
            eventually(lambda: "items" in tables(mirror), "the table")
            self.in_step(syncline, mirror, 200, process)
            source.execute("UPDATE items SET name = 'newer', updated_at = now() WHERE id <= 7")
            source.execute("INSERT INTO items (id) SELECT generate_series(201, 210)")
            self.in_step(syncline, mirror, 210, process)
            PostgresDatabase(self.cluster, "source")
            eventually(lambda: "not complete yet" in process.output(), "the capture to wait", 30)
            self.fill(source)
            self.in_step(syncline, mirror, 200, process)
            source.execute("INSERT INTO items (id) VALUES (1000)")
            self.in_step(syncline, mirror, 201, process)
            process.terminate()

    def test_an_emptied_restore_asks_first(self):
        source = self.make()
        mirror, syncline = self.configured(source)
        syncline.run("run", "--once")
        source.execute("DROP TABLE items")
        self.fill(source)
        source.execute("DELETE FROM items WHERE id > 3")
        result = syncline.run("run", "--once", expect=1)
        self.assertIn("197 of 200 rows that the log holds are not at the source", result.stderr)
        self.assertIn("max_deletes: 100%", result.stderr)
        self.assertEqual(one(mirror, "SELECT count(*) FROM items"), 200)
        mirror, syncline = self.configured(source, deletes={"by": "none", "max_deletes": "100%"})
        syncline.run("run", "--once")
        self.assertEqual(one(mirror, "SELECT count(*) FROM items"), 3)
        syncline.run("verify")

    def test_a_file_that_a_backup_takes_the_place_of(self):
        path = self.folder / "source.db"
        source = SqliteDatabase(path)
        source.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, n INT, updated_at TEXT NOT NULL)")
        for key in range(1, 201):
            source.execute(f"INSERT INTO items VALUES ({key}, 'name', {key}, {source.now})")
        mirror, syncline = self.configured(source)
        with syncline.start("run") as process:
            eventually(lambda: "items" in tables(mirror), "the table")
            self.in_step(syncline, mirror, 200, process)
            backup = self.folder / "backup.db"
            with sqlite3.connect(path) as connection:
                connection.execute(f"VACUUM INTO '{backup}'")
            for key in range(201, 231):
                source.execute(f"INSERT INTO items VALUES ({key}, 'later', {key}, {source.now})")
            source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.in_step(syncline, mirror, 230, process)
            for suffix in ("-wal", "-shm"):
                if os.path.exists(f"{path}{suffix}"):
                    os.unlink(f"{path}{suffix}")
            shutil.copy(backup, f"{path}.new")
            os.replace(f"{path}.new", path)
            self.in_step(syncline, mirror, 200, process)
            process.terminate()

    def test_rows_that_a_policy_hides_stay_where_they_are(self):
        source = self.make()
        self.cluster.create_reader(source.name)
        mirror, syncline = self.configured(source, deletes={"by": "reconcile", "every": "1ms"})
        text = (self.folder / "work" / "syncline.yaml").read_text(encoding="utf-8")
        syncline.configure(text.replace(self.cluster.url("source"), self.cluster.url("source", "reader")))
        syncline.run("run", "--once")
        source.execute("ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON items USING (id <= 3)")
        result = syncline.run("check", expect=3)
        self.assertIn("policy few", result.stdout)
        self.assertIn("BYPASSRLS", result.stdout)
        result = syncline.run("run", "--once", expect=3)
        self.assertIn("row-level security hides rows", result.stderr)
        self.assertEqual(one(mirror, "SELECT count(*) FROM items"), 200)
        self.cluster.execute("postgres", "ALTER ROLE reader BYPASSRLS")
        syncline.run("run", "--once")
        syncline.run("verify")
        self.cluster.execute("postgres", "ALTER ROLE reader NOBYPASSRLS")


    def test_a_policy_on_the_target_is_told_of(self):
        source = self.make()
        _, syncline = self.configured(source)
        target = PostgresDatabase(self.cluster, "target")
        target.execute(
            "DROP ROLE IF EXISTS writer; CREATE ROLE writer LOGIN; GRANT ALL ON SCHEMA public TO writer;"
            "CREATE TABLE items (id bigint PRIMARY KEY, name text, n int, updated_at timestamptz);"
            "GRANT ALL ON items TO writer; ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON items USING (id < 9)"
        )
        text = (self.folder / "work" / "syncline.yaml").read_text(encoding="utf-8")
        mirror = f"sqlite:{self.folder / 'mirror.db'}"
        syncline.configure(text.replace(mirror, self.cluster.url("target", "writer")))
        result = syncline.run("check")
        self.assertIn("row-level security applies to role writer (policy few)", result.stdout)


def tables(database):
    return {row[0] for row in database.rows("SELECT name FROM sqlite_master")}


def columns(database):
    return {row[1] for row in database.rows("PRAGMA table_info(items)")}


if __name__ == "__main__":
    unittest.main()
