"""kill -9 at random moments, while users never stop writing: no row lost, none applied twice or wrongly, offsets dense.

One source, a PostgreSQL and a SQLite target. `run` is killed; and `capture` and `apply` as processes of their own, each while the
other lives or is dead, as it happens. Fails when progress is committed before the rows it stands for, and when a state that is in the
log is logged again.
"""

import contextlib
import random
import time
import unittest

from support.databases import PostgresDatabase, SqliteDatabase
from support.mirrors import Mirrors
from support.postgres import Cluster
from support.settings import SEED, announce, scaled
from support.syncline import SystemTest

KILLS = scaled(5, 20)
KILLS_OF_EACH = scaled(8, 200)  # of capture and of apply, in one run
ROWS = scaled(20_000, 200_000)  # enough for the first kills to come in the middle of the initial load
SECONDS_MAX = 1.0  # a killed process has lived up to so long


class KillTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("kill_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        super().setUp()
        self.rng = random.Random(f"{SEED}/{self.id()}")

    def test_run_is_killed(self):
        self.kill_run(PostgresDatabase(self.cluster, "source"))

    def test_run_is_killed_with_sqlite_as_the_source(self):
        self.kill_run(SqliteDatabase(self.folder / "source.db"))

    def kill_run(self, source):
        mirrors = Mirrors(self.folder, self.cluster, source, ROWS)
        with mirrors.writers():
            self.kill_each(mirrors.syncline, ["run"], KILLS)
            with mirrors.syncline.start("run") as process:
                time.sleep(SECONDS_MAX)
                process.terminate()
        self.report(KILLS, mirrors.check())

    def test_capture_and_apply_are_killed(self):
        mirrors = Mirrors(self.folder, self.cluster, PostgresDatabase(self.cluster, "source"), ROWS)
        with mirrors.writers():
            self.kill_each(mirrors.syncline, ["capture", "apply"], KILLS_OF_EACH)
        self.report(2 * KILLS_OF_EACH, mirrors.check())

    def kill_each(self, syncline, commands, kills):
        """Starts every command again and again, side by side, and kills each so many times."""
        left = dict.fromkeys(commands, kills)
        running = {}  # command -> when to kill it, and the process
        with contextlib.ExitStack() as stack:
            while left:
                for command in [name for name in left if name not in running]:
                    until = time.monotonic() + self.rng.random() * SECONDS_MAX
                    running[command] = until, stack.enter_context(syncline.start(command))
                command = min(running, key=lambda name: running[name][0])
                until, process = running.pop(command)
                time.sleep(max(0, until - time.monotonic()))
                process.kill()
                left[command] -= 1
                if not left[command]:
                    del left[command]

    def report(self, kills, changes):
        print(f"{self.id().rsplit('.')[-1]}: {kills} kills, {changes} changes in the log", flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
