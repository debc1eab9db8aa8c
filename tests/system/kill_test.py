"""kill -9 at random moments, while users never stop writing: no row lost, none applied twice or wrongly, offsets dense.

One source, a PostgreSQL and a SQLite target. `run` is killed; and `capture` and `apply` as processes of their own, each while the
other lives or is dead, as it happens. Fails when progress is committed before the rows it stands for, and when a state that is in the
log is logged again.

And in the middle of commits: `apply` is killed, or its PostgreSQL stopped as in a crash, while the server is about to write a commit
to its disk, and when it has done so and not answered yet. Fails when a commit without an answer is taken for a failed one (states are
applied twice), or for one that was done (states are missing).
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
from support.waiting import eventually

KILLS = scaled(5, 20)
KILLS_IN_COMMITS = scaled(2, 50)  # of apply and of its server each
KILLS_OF_EACH = scaled(8, 200)  # of capture and of apply, in one run
ROWS = scaled(20_000, 200_000)  # enough for the first kills to come in the middle of the initial load
SECONDS_MAX = 1.0  # a killed process has lived up to so long


class Commits:
    """The commits of apply on a server that lets one look: each takes a while before it is on the disk, and can be held after that.

    A commit that is held waits for a standby that does not exist. It is on the disk, nobody sees it yet, its client has no answer.
    """

    SETTINGS = {"fsync": "on", "commit_delay": 50_000, "commit_siblings": 0}

    def __init__(self, cluster):
        self._cluster = cluster

    def hold(self):
        self._configure("SET synchronous_standby_names = 'nobody'")

    def let_go(self):
        self._configure("RESET synchronous_standby_names")

    def _configure(self, what):
        self._cluster.execute("postgres", f"ALTER SYSTEM {what}")
        self._cluster.execute("postgres", "SELECT pg_reload_conf()")

    def wait_for_one(self, held):
        wait = "wait_event = 'SyncRep'" if held else "wait_event IS DISTINCT FROM 'SyncRep'"
        self._wait_for_session(f"state = 'active' AND query = 'COMMIT' AND {wait}", "a commit")

    def wait_for_blocked(self):
        """Until a session waits for what an unfinished transaction has changed."""
        self._wait_for_session("wait_event = 'transactionid'", "apply to wait for the commit of the one before")

    def _wait_for_session(self, condition, what):
        with contextlib.closing(self._cluster.connect("postgres")) as connection, connection.cursor() as cursor:

            def found():
                cursor.execute(f"SELECT count(*) FROM pg_stat_activity WHERE {condition}")
                return cursor.fetchone()[0]

            eventually(found, what, interval=0.001)


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

    def test_apply_and_its_server_are_killed_in_the_middle_of_commits(self):
        with Cluster(**Commits.SETTINGS) as server, contextlib.ExitStack() as stack:
            mirrors = Mirrors(
                self.folder, server, PostgresDatabase(self.cluster, "source"), ROWS, conflict="source_wins"
            )
            syncline = mirrors.syncline
            syncline.run("run", "--once")
            mirrors.audit_sqlite()
            kills = [(victim, held) for victim in ("apply", "server") for held in (False, True)]
            kills *= KILLS_IN_COMMITS // 2
            self.rng.shuffle(kills)
            with mirrors.writers(), syncline.start("capture") as capture:
                apply = self.start_apply(syncline, stack)
                for victim, held in kills:
                    apply = self.kill_in_commit(server, syncline, stack, apply, victim, held)
                Commits(server).wait_for_one(held=False)  # it goes on, however the last kill went
                apply.terminate()
                capture.terminate()
            self.report(len(kills), mirrors.check())

    def start_apply(self, syncline, stack):
        """A pipeline whose database cannot be reached when it starts ends with an error: so it waits until both have started."""
        apply = stack.enter_context(syncline.start("apply"))
        eventually(lambda: apply.output().count("apply started") == 2, "apply to start")
        return apply

    def kill_in_commit(self, server, syncline, stack, apply, victim, held):
        """Returns the apply process that runs afterwards."""
        commits = Commits(server)
        if held:
            commits.hold()
        commits.wait_for_one(held)
        if victim == "apply":
            apply.kill()
            apply = self.start_apply(syncline, stack)
            if held:
                commits.wait_for_blocked()
        else:
            server.restart(immediate=True)
            self.assertTrue(apply.is_running(), "apply has ended with its server")
        if held:
            commits.let_go()
        return apply

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
