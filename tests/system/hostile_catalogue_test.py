"""What a source calls its tables, columns and types is data: whatever it says, nothing else runs on the target, in the
source or in the configuration than what would run for a plain name.

The sources are what somebody sends who means harm: a SQLite file with types that are statements, a database with tables
whose names end lines.
"""

import contextlib
import sqlite3
import unittest

from support.databases import PostgresDatabase, SqliteDatabase, one
from support.postgres import Cluster
from support.syncline import Syncline, SystemTest

# Declared types that did harm when they were pasted into CREATE TABLE. {file} is one that nobody may make.
TYPES = [
    "TEXT, updated_at TEXT, PRIMARY KEY(id)); ATTACH DATABASE '{file}' AS pw; CREATE TABLE pw.x(a); DROP TABLE salaries; --",
    "TEXT); DROP TABLE salaries; --",
    "TEXT REFERENCES salaries(id) ON DELETE CASCADE",
    "TEXT NOT NULL DEFAULT 'stolen' UNIQUE",
    "INT CHECK (id < 0)",
    "VARCHAR(20) COLLATE NOCASE",
    "DECIMAL_TEXT(10,2); DROP TABLE salaries",
    "numeric(10, 2)",
    "",
]
YAML_BREAKER = 'x\n    on_error: {{command: "touch {file}"}}\n#'


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


class HostileCatalogueTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        super().setUp()
        self.harm = self.folder / "harm"  # what an attack makes
        self.source = SqliteDatabase(self.folder / "source.db")

    def types(self):
        return [kind.format(file=self.harm) for kind in TYPES]

    def make_source(self, key="INTEGER"):
        columns = ", ".join(f"c{i} {quoted(kind)}" for i, kind in enumerate(self.types()))
        with contextlib.closing(sqlite3.connect(self.source.path)) as connection:
            connection.execute(
                f"CREATE TABLE items(id {quoted(key)} PRIMARY KEY, {columns}, updated_at TIMESTAMP NOT NULL)"
            )
            for number in (1, 2):
                values = [number, *[f"{number}{i}" for i in range(len(TYPES))], f"2026-01-0{number} 00:00:00"]
                connection.execute(f"INSERT INTO items VALUES ({','.join('?' * len(values))})", values)
            connection.commit()

    def configure(self, target, table="items", **rule):
        return Syncline(
            self.folder,
            {
                "log": "./log",
                "databases": {"source": self.source.url, "target": target.url},
                "pipelines": {
                    "way": {"from": "source", "to": "target", "tables": {table: {"cursor": "updated_at", **rule}}}
                },
            },
        )

    def test_a_declared_type_runs_nothing_on_the_target(self):
        # Seen to fail on the build before: `check` already made the file and dropped the table, on SQLite.
        self.make_source()
        for target in (SqliteDatabase(self.folder / "target.db"), PostgresDatabase(self.cluster, "target")):
            with self.subTest(str(target)):
                target.execute("CREATE TABLE salaries(id integer PRIMARY KEY, v integer)")
                target.execute("INSERT INTO salaries VALUES (1, 100)")
                syncline = self.configure(target, to="items")
                syncline.run("check", expect=None)
                syncline.run("run", "--once")
                self.assertFalse(self.harm.exists())
                self.assertEqual(one(target, "SELECT v FROM salaries"), 100)
                self.assertEqual(
                    [tuple(map(str, row)) for row in target.rows("SELECT * FROM items ORDER BY id")],
                    [tuple(map(str, row)) for row in self.source.rows("SELECT * FROM items ORDER BY id")],
                )
                syncline.run("verify")
                if target.dialect == "sqlite":
                    self.assertEqual(list(target.rows("SELECT * FROM pragma_foreign_key_list('items')")), [])
                    self.assertEqual(one(target, "SELECT sql FROM sqlite_schema WHERE name = 'items'").count("("), 2 + 2)

    def test_what_a_column_stores_does_not_change_with_its_type(self):
        # A type that is none of words and numbers becomes one of the same affinity: 7 stays a number, and '7' a text.
        self.make_source()
        target = SqliteDatabase(self.folder / "target.db")
        self.configure(target).run("run", "--once")
        kinds = "SELECT " + ", ".join(f"typeof(c{i})" for i in range(len(TYPES))) + " FROM items ORDER BY id"
        self.assertEqual(list(target.rows(kinds)), list(self.source.rows(kinds)))

    def test_the_type_of_a_key_runs_nothing_in_the_source_when_tombstones_are_installed(self):
        # Seen to fail on the build before: the statement ran, and the look behind it ended the transaction.
        self.make_source(key="INT); DROP TABLE salaries; --")
        self.source.execute("CREATE TABLE salaries(id integer PRIMARY KEY)")
        target = SqliteDatabase(self.folder / "target.db")
        syncline = self.configure(target, deletes="tombstones")
        syncline.run("prepare", "--apply")
        syncline.run("run", "--once")
        self.source.execute("DELETE FROM items WHERE id = 1")
        syncline.run("run", "--once")
        self.assertEqual(list(target.rows("SELECT id FROM items")), [(2,)])
        self.assertEqual(one(self.source, "SELECT count(*) FROM salaries"), 0)

    def test_a_name_in_a_draft_stays_a_name(self):
        # Seen to fail on the build before: the draft had an on_error of the table's choice, and a glob.
        evil = YAML_BREAKER.format(file=self.harm)
        database = PostgresDatabase(self.cluster, "named")
        stamp = "updated_at timestamptz NOT NULL DEFAULT now()"
        database.execute(
            f"CREATE TABLE {quoted(evil)}(id bigint PRIMARY KEY, {stamp}); CREATE TABLE secret(id bigint PRIMARY KEY, {stamp});"
            f'CREATE TABLE "s*"(id bigint PRIMARY KEY, {stamp}); CREATE TABLE plain("a}}: b" bigint UNIQUE NOT NULL, {stamp})'
        )
        self.cluster.create_reader("named", "drafter")
        database.execute(f"REVOKE SELECT ON {quoted(evil)}, secret FROM drafter")
        syncline = Syncline(self.folder)
        syncline.run("init", self.cluster.url("named", "drafter"), "--to", f"sqlite:{self.folder}/target.db")
        draft = (self.folder / "syncline.yaml").read_text(encoding="utf-8")
        self.assertFalse([line for line in draft.splitlines() if line.strip().startswith("on_error")], draft)
        syncline.run("check")
        syncline.run("run", "--once")
        self.assertFalse(self.harm.exists())
        target = SqliteDatabase(self.folder / "target.db")
        made = {name for (name,) in target.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        self.assertEqual({name for name in made if not name.startswith("s")}, {"plain"})
        self.assertIn("s*", made)
        self.assertNotIn("secret", made)


if __name__ == "__main__":
    unittest.main()
