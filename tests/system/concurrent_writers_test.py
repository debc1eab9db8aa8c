"""Exact polling under ten writers whose transactions overlap, through an unprivileged reader: no row stale, no cut inconsistent.

The same writers are polled by `cursor > last seen`, as home-made sync jobs do, and that loses rows: so the writers do
provoke what the ticks are for. Fails when polls reach back by a margin of 2 s only, when the ticks leave out prepared
transactions or those that were running at the first poll, and when a target commits frame by frame instead of cut by cut.
"""

import contextlib
import time
import unittest

from support import log, oracle
from support.databases import PostgresDatabase, SqliteDatabase
from support.postgres import Cluster
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest
from support.writers import Twins, Writers

SECONDS = scaled(12, 120)
CUTS_MIN = 4 * SECONDS  # of the 20 polls a second that are asked for, on a machine that does other things too
HEAD_START = 3  # the first poll meets a transaction that began longer ago than the margin reaches back
COLUMNS = {"id": "int", "v": "int", "payload": "text", "updated_at": "timestamptz"}


class NaivePoller:
    """What is usually done: remember the highest stamp seen, ask for what is above it."""

    def __init__(self, connection):
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        self._connection = connection
        self.seen = {table: {} for table in Twins.TABLES}
        self._last = None
        self.inconsistent = 0

    def poll(self):
        newest = self._last
        with self._connection.cursor() as cursor:
            for table, rows in self.seen.items():
                cursor.execute(
                    f"SELECT id, v, updated_at FROM {table} WHERE updated_at > coalesce(%s::timestamptz, '-infinity')",
                    (self._last,),
                )
                for key, v, stamp in cursor:
                    rows[key] = v
                    newest = stamp if newest is None else max(newest, stamp)
        self._connection.commit()
        self._last = newest
        self.inconsistent += self.seen["items"] != self.seen["twins"]


class ConcurrentWritersTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("concurrent_writers_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def test_no_row_is_stale_and_no_cut_inconsistent(self):
        source = PostgresDatabase(self.cluster, "source")
        targets = PostgresDatabase(self.cluster, "target"), SqliteDatabase(self.folder / "target.db")
        twins = Twins(self.cluster, "source")
        self.cluster.create_reader("source")
        syncline = Syncline(self.folder, self.configuration(targets))
        with contextlib.closing(self.cluster.connect("source", "reader")) as connection:
            naive = NaivePoller(connection)
            with Writers(twins.writers(SEED)):
                time.sleep(HEAD_START)
                with syncline.start("run") as process:
                    self.watch(naive, targets)
                    process.terminate()
            naive.poll()
        syncline.run("run", "--once")

        rows, updates = next(iter(source.rows("SELECT count(*), sum(v) FROM items")))
        stale = self.stale_rows(naive.seen, source)
        print(
            f"{updates} updates; `cursor > last seen`: {stale} of {2 * rows} rows stale at the end,"
            f" {naive.inconsistent} cuts inconsistent",
            flush=True,
        )
        self.assertGreater(stale, 0, "the writers do not provoke what this test is about")
        for target in targets:
            for table in Twins.TABLES:
                oracle.assert_equal(
                    oracle.Table(source, table, COLUMNS), oracle.Table(target, table, COLUMNS)
                )
        self.check_log(syncline, source)

    def configuration(self, targets):
        tables = {f"public.{table}": {} for table in Twins.TABLES}
        return {
            "log": "./log",
            "databases": {
                "source": self.cluster.url("source", "reader"),
                "postgres": targets[0].url,
                "sqlite": targets[1].url,
            },
            "defaults": {"every": "50ms", "cursor": "updated_at"},
            "pipelines": {
                name: {"from": "source", "to": name, "tables": tables} for name in ("postgres", "sqlite")
            },
        }

    def watch(self, naive, targets):
        """Until the time is over: polls naively, and looks at the targets, which must be consistent whenever looked at."""
        end = time.monotonic() + SECONDS
        query = "SELECT count(*) FROM items FULL JOIN twins USING (id) WHERE items.v IS DISTINCT FROM twins.v"
        with contextlib.ExitStack() as stack:
            sessions = []
            while time.monotonic() < end:
                naive.poll()
                time.sleep(0.05)
                if not sessions and (sessions := self.sessions(targets)):
                    for session in sessions:
                        stack.enter_context(contextlib.closing(session))
                for session in sessions:
                    cursor = session.cursor()
                    cursor.execute(query)
                    self.assertEqual(cursor.fetchone()[0], 0, "a target shows half a transaction")
                    session.commit()
        self.assertTrue(sessions, "the targets did not get their tables")

    def sessions(self, targets):
        """Connections to the targets, as soon as both have both tables."""
        catalogs = {"postgres": "pg_tables WHERE schemaname = 'public' AND tablename", "sqlite": "sqlite_master WHERE name"}
        for target in targets:
            found = list(target.rows(f"SELECT 1 FROM {catalogs[target.dialect]} IN ('items', 'twins')"))
            if len(found) < 2:
                return []
        return [target.connect() for target in targets]

    def stale_rows(self, seen, source):
        return sum(
            seen[table].get(key) != v
            for table in Twins.TABLES
            for key, v in source.rows(f"SELECT id, v FROM {table}")
        )

    def check_log(self, syncline, source):
        """Replays the log change by change: at the end of every cut the invariant holds, at the end of all the source is mirrored."""
        seen = {table: {} for table in Twins.TABLES}
        unequal, cuts = set(), 0
        for change in log.changes(syncline, "source"):
            if change.op != "mark":
                key = change.row["id"]
                seen[change.table][key] = change.row["v"]
                if seen["items"].get(key) == seen["twins"].get(key):
                    unequal.discard(key)
                else:
                    unequal.add(key)
            if change.closes_cut:
                cuts += 1
                self.assertFalse(unequal, f"the cut that ends at offset {change.offset} is inconsistent")
        self.assertEqual(self.stale_rows(seen, source), 0, "the log does not hold the last states")
        self.assertGreater(cuts, CUTS_MIN, "too few cuts for the test to mean something")
        print(f"ticks: 0 rows stale, 0 of {cuts} cuts inconsistent", flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
