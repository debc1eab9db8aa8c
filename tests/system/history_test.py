"""The history of a source, written down from outside, against the log: whatever a snapshot could show is in the log or superseded.

Writers with long transactions, savepoints, two-phase commit, rollbacks, deletions; the engine is killed, and its clock is set
forth and back; the server is stopped as in a crash. After every cut of the log the promises of `support/history.py` hold; whatever an
observer saw in a snapshot before the beat that the cut holds is there. At the end both targets equal the source.

On the same writers `cursor > last seen` loses rows. Tables of the lesser classes lose rows, and only such as their class says: one
whose stamps an application makes, with a clock that is wrong by more than the margin; one whose versions come from a sequence with CACHE,
out of order.

Fails when a poll leaves out the transactions that ran at the one before, when it reads its tables in more than one snapshot, and when
deletions are not captured.
"""

import contextlib
import os
import random
import time
import unittest

from support import log, oracle
from support.databases import PostgresDatabase, SqliteDatabase
from support.history import History, Judge, Observer, outliving_the_server
from support.postgres import Cluster
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest
from support.writers import Writers

SECONDS = scaled(30, 1800)
QUIET_SECONDS = 8
LIBFAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
MARGIN_MS = 2000
COLUMNS = {
    "accounts": {"id": "int", "v": "int", "amount": "int", "updated_at": "timestamptz"},
    "mirror": {"id": "int", "v": "int", "payload": "text", "updated_at": "timestamptz"},
}


class Lesser:
    """Tables whose classes promise less, and the users who find that out."""

    def __init__(self, cluster, database):
        self._cluster, self._database = cluster, database
        cluster.execute(
            database,
            """CREATE TABLE stamped(id bigserial PRIMARY KEY, behind_ms int NOT NULL, updated_at timestamptz NOT NULL);
            CREATE INDEX ON stamped(updated_at);
            CREATE SEQUENCE cached CACHE 50;
            CREATE TABLE counted(id bigserial PRIMARY KEY, above bigint NOT NULL, version bigint NOT NULL DEFAULT nextval('cached'));
            CREATE INDEX ON counted(version);
            GRANT ALL ON stamped, counted, stamped_id_seq, counted_id_seq, cached TO app""",
        )

    def bodies(self, seed):
        rng = random.Random(f"{seed}/lesser")

        def stamp(cursor):
            behind = rng.randrange(MARGIN_MS - 500) if rng.random() < 0.8 else rng.randrange(5000, 9000)
            cursor.execute(
                "INSERT INTO stamped(behind_ms, updated_at) VALUES (%s, clock_timestamp() - %s * interval '1 ms')", (behind, behind)
            )

        def count(cursor):
            cursor.execute("INSERT INTO counted(above) SELECT coalesce(max(version), 0) FROM counted")

        return [self._body(stamp), self._body(count), self._body(count)]

    def _body(self, insert):
        def body(stop):
            while not stop.is_set():
                with outliving_the_server():
                    with contextlib.closing(self._cluster.connect(self._database, "app")) as connection:
                        with connection.cursor() as cursor:
                            while not stop.wait(0.1):
                                insert(cursor)
                    return
                stop.wait(0.05)

        return body


class NaivePoller:
    """What is usually done: remember the highest stamp seen, ask for what is above it."""

    def __init__(self, cluster, database):
        self._cluster, self._database = cluster, database
        self.seen = {}
        self._last = None

    def body(self, stop):
        while not stop.is_set():
            with outliving_the_server():
                with contextlib.closing(self._cluster.connect(self._database, "reader")) as connection:
                    with connection.cursor() as cursor:
                        while not stop.wait(0.05):
                            self.poll(cursor)
                return
            stop.wait(0.05)

    def poll(self, cursor):
        cursor.execute(
            "SELECT id, v, updated_at FROM accounts WHERE updated_at > coalesce(%s::timestamptz, '-infinity')"
            " ORDER BY updated_at", (self._last,),
        )  # fmt: skip
        for key, v, stamp in cursor.fetchall():
            self.seen[key] = v
            self._last = stamp


class HistoryTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("history_test")
        cls.source_cluster, cls.target_cluster = Cluster(), Cluster()
        cls.addClassCleanup(cls.source_cluster.close)
        cls.addClassCleanup(cls.target_cluster.close)

    def test_whatever_a_snapshot_could_show_is_in_the_log_or_superseded(self):
        rng = random.Random(SEED)
        source = PostgresDatabase(self.source_cluster, "source")
        targets = PostgresDatabase(self.target_cluster, "target"), SqliteDatabase(self.folder / "target.db")
        history, lesser = History(self.source_cluster, "source"), Lesser(self.source_cluster, "source")
        observer, naive = Observer(self.source_cluster, "source"), NaivePoller(self.source_cluster, "source")
        self.source_cluster.create_reader("source")
        syncline = Syncline(self.folder, self.configuration(targets))
        self.prepare(syncline)
        bodies = [*history.writers(SEED), *lesser.bodies(SEED), observer.body, naive.body]
        with Writers(bodies):
            kills, stops = self.disturb(syncline, rng)
        history.end_prepared()
        syncline.run("run", "--once")

        judge = Judge(observer, History.KEYS * History.AMOUNT)
        self.maxDiff = None
        captured = {"stamped": set(), "counted": set()}
        for change in log.changes(syncline, "source"):
            judge.take(change)
            if change.table in captured:
                captured[change.table].add(change.key["id"])
        print(
            f"{history.committed} transactions, {len(observer.seen)} snapshots; engine killed {kills} times, server {stops};"
            f" {judge.cuts} cuts, {judge.checked} states looked for",
            flush=True,
        )
        self.assertEqual(judge.faults[:10], [])
        self.assertGreater(judge.cuts, SECONDS, "too few cuts for the test to mean something")
        self.assertGreater(judge.checked, 20 * SECONDS)
        for target in targets:
            for table, columns in COLUMNS.items():
                oracle.assert_equal(oracle.Table(source, table, columns), oracle.Table(target, table, columns))
        self.check_naive(naive, source)
        self.check_lesser(captured, source)

    def configuration(self, targets):
        exact = {"deletes": "tombstones"}
        tables = {
            "public.accounts": exact, "public.mirror": exact, "public.beats": {}, "public.stamped": {},
            "public.counted": {"cursor": "version"},
        }  # fmt: skip
        return {
            "log": "./log",
            "databases": {
                "source": self.source_cluster.url("source", "reader"),
                "postgres": targets[0].url,
                "sqlite": targets[1].url,
            },
            "defaults": {"every": "50ms", "cursor": "updated_at"},
            "pipelines": {
                name: {"from": "source", "to": name, "tables": tables} for name in ("postgres", "sqlite")
            },
        }

    def prepare(self, syncline):
        syncline.run("prepare", "--apply", "--as", self.source_cluster.url("source"))

    def disturb(self, syncline, rng):
        """Kills the engine and stops the server until the time is over; how often each."""
        clock = self.folder / "clock"
        environment = {"LD_PRELOAD": LIBFAKETIME, "FAKETIME_TIMESTAMP_FILE": str(clock),
                       "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # fmt: skip
        self.assertTrue(os.path.exists(LIBFAKETIME), "the package libfaketime is missing")
        kills = stops = 0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            clock.write_text("+0")
            with syncline.start("run", env=environment) as process:
                for _ in range(rng.randint(2, 6)):
                    time.sleep(0.2 + rng.random())
                    clock.write_text(f"{rng.randint(-7200, 7200):+d}")
                    if rng.random() < 0.15:
                        self.source_cluster.restart(immediate=True)
                        stops += 1
                if process.is_running():
                    process.kill()
                    kills += 1
                else:  # it had just been started, and a server that is not there then is an error
                    self.assertEqual(process.result().code, 3, process.output())
        # After a crash of the server everything is read once, also what the lesser classes had lost: so the last seconds are quiet.
        with syncline.start("run") as process:
            time.sleep(QUIET_SECONDS)
            process.terminate()
        return kills, stops

    def check_naive(self, naive, source):
        with contextlib.closing(source.connect()) as connection, connection.cursor() as cursor:
            naive.poll(cursor)
        stale = sum(naive.seen.get(key) != v for key, v in source.rows("SELECT id, v FROM accounts"))
        print(f"`cursor > last seen`: {stale} accounts stale at the end", flush=True)
        self.assertGreater(stale, 0, "the writers do not provoke what this test is about")

    def check_lesser(self, captured, source):
        behind = dict(source.rows("SELECT id, behind_ms FROM stamped"))
        lost = behind.keys() - captured["stamped"]
        print(f"stamps of an application: {len(lost)} of {len(behind)} rows lost", flush=True)
        self.assertTrue(lost, "nothing was lost: the clocks were not wrong enough")
        self.assertEqual([key for key in lost if behind[key] < MARGIN_MS], [])
        versions = {key: (above, version) for key, above, version in source.rows("SELECT id, above, version FROM counted")}
        lost = versions.keys() - captured["counted"]
        print(f"versions with CACHE: {len(lost)} of {len(versions)} rows lost", flush=True)
        self.assertTrue(lost, "nothing was lost: the versions came in order")
        self.assertEqual([key for key in lost if versions[key][1] > versions[key][0]], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
