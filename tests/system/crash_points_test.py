"""The program dies at each of its named crash points (engine/base/crash_point.h), many times, while users never stop writing.

Capture and apply are processes of their own; one dies, the other goes on. Afterwards: both targets equal to the source, offsets dense, the
chain unbroken, no state logged or applied twice. Seen to fail when the progress row is committed before the rows (the target lacks
rows), and when the row index does not know a frame that the log holds (a state is logged twice). Fails too when a point is
never passed.
"""

import contextlib
import itertools
import random
import signal
import unittest

from support import items, log, oracle
from support.databases import PostgresDatabase, SqliteDatabase
from support.mirrors import Mirrors
from support.postgres import Cluster
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest

TIMES = scaled(2, 20)  # at each point
ROWS = 6_000
BULK_ROWS = 2_500  # more than one frame takes
TABLES = [f"table_{number}" for number in range(TIMES)]  # every table is loaded once
PASSES_MAX = 3  # a process dies the first to third time that it passes a point

# A point of a log's or a table's first moments is passed once in its life.
NEW_LOG = ["log.made", "log.named"]
LOAD = ["load.range_begun", "load.range_read", "load.range_logged"]
CAPTURE = [
    "poll.begun", "poll.read", "poll.logged", "cut.frame_logged", "append.before_write", "append.before_publish",
    "append.published", "cursor.saved",
]  # fmt: skip
APPLY = [
    "apply.before_begin", "apply.progress_moved", "apply.rows_written", "apply.committed", "apply.noted",
]  # fmt: skip


class CrashPointsTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("crash_points_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        super().setUp()
        self.rng = random.Random(f"{SEED}/{self.id()}")
        self.source = PostgresDatabase(self.cluster, "source")

    def crash(self, syncline, command, point, passes=1):
        """Runs the command until it dies at the point, which it has to."""
        with syncline.start(command, env={"SYNCLINE_CRASH_AT": f"{point}:{passes}"}) as process:
            process.wait(expect=-signal.SIGKILL, timeout=60)

    def crash_at_all(self, syncline, command, points):
        crashes = points * TIMES
        self.rng.shuffle(crashes)
        for point in crashes:
            self.crash(syncline, command, point, self.rng.randrange(PASSES_MAX) + 1)
        return len(crashes)

    def bulk_writer(self, stop):
        """Changes more rows at once than go into one frame, so that cuts have several."""
        with contextlib.closing(self.source.connect()) as connection, connection.cursor() as cursor:
            while not stop.wait(0.5):
                cursor.execute(
                    "UPDATE items SET version = version + 1, updated_at = now() WHERE id IN"
                    " (SELECT id FROM items WHERE id <= %s ORDER BY id FOR UPDATE)", (BULK_ROWS,),
                )  # fmt: skip
                connection.commit()

    def test_capture_dies_while_apply_goes_on(self):
        mirrors = Mirrors(self.folder, self.cluster, self.source, ROWS)
        with mirrors.writers(self.bulk_writer), mirrors.syncline.start("apply") as survivor:
            crashes = self.crash_at_all(mirrors.syncline, "capture", CAPTURE)
            survivor.terminate()
        self.report(CAPTURE, crashes, mirrors.check())

    def test_apply_dies_while_capture_goes_on(self):
        mirrors = Mirrors(self.folder, self.cluster, self.source, ROWS)
        with mirrors.writers(self.bulk_writer), mirrors.syncline.start("capture") as survivor:
            crashes = self.crash_at_all(mirrors.syncline, "apply", APPLY)
            survivor.terminate()
        self.report(APPLY, crashes, mirrors.check())

    def test_capture_dies_in_initial_loads(self):
        mirrors = Mirrors(self.folder, self.cluster, self.source, ROWS, TABLES)
        for number, table in enumerate(TABLES):
            self.source.execute(f"CREATE TABLE {table}(LIKE items INCLUDING ALL)")
            self.source.execute(f"INSERT INTO {table} SELECT * FROM items WHERE id % {len(TABLES)} = {number}")
        with mirrors.writers(), mirrors.syncline.start("apply") as survivor:
            for point in LOAD * TIMES:
                self.crash(mirrors.syncline, "capture", point)
            survivor.terminate()
        changes = mirrors.check()
        for table, target in itertools.product(TABLES, mirrors.targets):
            self.assert_equal(target, table)
        self.report(LOAD, len(LOAD) * TIMES, changes)

    def test_capture_dies_while_it_makes_a_log(self):
        items.create(self.source)
        items.load(self.source, 1, 100, SEED)
        for number in range(TIMES):
            target = SqliteDatabase(self.folder / f"target_{number}.db")
            syncline = Syncline(self.folder / str(number), self.configuration(target))
            for point in NEW_LOG:
                self.crash(syncline, "capture", point)
            syncline.run("run", "--once")
            self.assert_equal(target, "items")
            changes = list(log.changes(syncline, "source"))
            self.assertEqual([change.offset for change in changes], list(range(len(changes))))
            self.assertEqual([change.op for change in changes], ["upsert"] * 100 + ["mark"])
        self.report(NEW_LOG, len(NEW_LOG) * TIMES, len(changes))

    def configuration(self, target):
        return {
            "log": "./log",
            "databases": {"source": self.source.url, "target": target.url},
            "defaults": {"cursor": "updated_at"},
            "pipelines": {"pipeline": {"from": "source", "to": "target", "tables": {"public.items": {"to": "items"}}}},
        }

    def assert_equal(self, target, table):
        oracle.assert_equal(
            oracle.Table(self.source, table, items.COLUMNS), oracle.Table(target, table, items.COLUMNS)
        )

    def report(self, points, crashes, changes):
        print(
            f"{self.id().rsplit('.')[-1]}: {len(points)} points, {crashes} crashes, {changes} changes in the log",
            flush=True,
        )


if __name__ == "__main__":
    unittest.main(verbosity=2)
