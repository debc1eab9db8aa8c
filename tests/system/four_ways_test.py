"""The main job: a table is synced in full, then its changes, from either database into either, and both sides compare equal.

Fails when the target lacks a row, has one too many, or holds another value: the oracle was seen to find each of them.
"""

import dataclasses
import unittest

from support import items, oracle
from support.databases import PostgresDatabase, SqliteDatabase, one
from support.postgres import Cluster
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest
from support.waiting import eventually

ROWS = scaled(20_000, 1_000_000)
CHANGES = scaled(2_000, 100_000)


@dataclasses.dataclass
class Measured:
    """One direction: what `run --once` took for the first rows, then for the changes."""

    way: str
    load: object
    changes: object


def configuration(source, target, every="50ms", **table):
    name = "public.items" if source.dialect == "postgres" else "items"
    return {
        "log": "./log",
        "databases": {"from": source.url, "to": target.url},
        "defaults": {"every": every, "cursor": "updated_at"},
        "pipelines": {"way": {"from": "from", "to": "to", "tables": {name: table}}},
    }


def sync_and_compare(folder, source, target, rows, changes, seed):
    """The scenario of this test, also driven by bench/end_to_end.py."""
    items.create(source)
    items.load(source, 1, rows, seed)
    syncline = Syncline(folder, configuration(source, target))
    load = syncline.run("run", "--once", timeout=3600)
    assert one(target, "SELECT count(*) FROM items") == rows, load.stderr
    items.change(source, rows, changes, seed)
    changed = syncline.run("run", "--once", timeout=3600)
    oracle.assert_equal(
        oracle.Table(source, "items", items.COLUMNS), oracle.Table(target, "items", items.COLUMNS)
    )
    return Measured(f"{source} -> {target}", load, changed)


class FourWaysTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("four_ways_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def database(self, kind, name):
        if kind == "postgres":
            return PostgresDatabase(self.cluster, name)
        return SqliteDatabase(self.folder / f"{name}.db")

    def sync(self, source_kind, target_kind):
        source, target = self.database(source_kind, "source"), self.database(target_kind, "target")
        measured = sync_and_compare(self.folder, source, target, ROWS, CHANGES, SEED)
        print(
            f"{measured.way}: {ROWS / measured.load.seconds:,.0f} rows/s, then"
            f" {CHANGES / measured.changes.seconds:,.0f} changes/s",
            flush=True,
        )
        self.check_live(source, target)

    def check_live(self, source, target):
        """A `run` that goes on takes over where the runs before stopped, and follows."""
        rows = one(source, "SELECT count(*) FROM items")
        with Syncline(self.folder).start("run") as process:
            for step in range(3):
                rows += items.change(source, rows, 200, SEED + 1 + step)
                last = one(source, "SELECT max(version) FROM items")
                query = f"SELECT count(*) = {rows} AND max(version) = {last} FROM items"
                eventually(lambda: one(target, query), f"step {step} to arrive\n" + process.output())
            process.terminate()
        Syncline(self.folder).run("run", "--once")
        oracle.assert_equal(
            oracle.Table(source, "items", items.COLUMNS), oracle.Table(target, "items", items.COLUMNS)
        )

    def test_postgres_to_postgres(self):
        self.sync("postgres", "postgres")

    def test_postgres_to_sqlite(self):
        self.sync("postgres", "sqlite")

    def test_sqlite_to_postgres(self):
        self.sync("sqlite", "postgres")

    def test_sqlite_to_sqlite(self):
        self.sync("sqlite", "sqlite")

    def test_columns_are_renamed_and_omitted_and_rows_chosen(self):
        """Fails when `where` is not applied to the initial load or not to polls, or an omitted column reaches the target."""
        for source_kind in ("postgres", "sqlite"):
            for target_kind in ("postgres", "sqlite"):
                with self.subTest(f"{source_kind} to {target_kind}"):
                    self.rename(source_kind, target_kind)

    def rename(self, source_kind, target_kind):
        name = f"{source_kind}_{target_kind}"
        source, target = self.database(source_kind, name), self.database(target_kind, f"{name}_target")
        items.create(source)
        items.load(source, 1, 2_000, SEED)
        # The target has ids of its own, and a column that it fills by itself.
        own_id = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
        if target_kind == "sqlite":
            own_id = "INTEGER PRIMARY KEY AUTOINCREMENT"
        target.execute(
            f"CREATE TABLE goods(id {own_id}, source_id bigint NOT NULL UNIQUE, title text, price numeric(12,2),"
            "  category int, updated_at timestamptz, version bigint, arrived int DEFAULT 1)"
        )
        syncline = Syncline(
            self.folder / name,
            configuration(
                source, target, to="goods", key=["id"], columns={"id": "source_id", "name": "title"},
                omit=["source_id", "payload", "deleted"], where="category < 50",
            ),
        )  # fmt: skip
        syncline.run("run", "--once")
        items.change(source, 2_000, 1_000, SEED)
        syncline.run("run", "--once")
        kinds = {"updated_at": "timestamptz", "version": "int", "category": "int", "price": "decimal"}
        oracle.assert_equal(
            oracle.Table(source, "items", {"id": "int", "name": "text", **kinds}, where="category < 50"),
            oracle.Table(target, "goods", {"source_id": "int", "title": "text", **kinds}),
        )
        self.assertEqual(one(target, "SELECT count(*) FROM goods WHERE arrived = 1"),
                         one(target, "SELECT count(*) FROM goods"))  # fmt: skip


if __name__ == "__main__":
    unittest.main(verbosity=2)
