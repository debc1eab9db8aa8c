#!/usr/bin/env python3
"""Two databases that are both written to end equal, go quiet, and lose no state in silence.

On both sides users insert, update and delete the same rows, one side's clock being ahead; now and then a transaction takes
long; the two processes are killed, and sessions with the servers are cut. When the users stop, the sides are equal within
three polls, then neither log gets another change, and every state that a user made and that is not there any more was
changed by somebody who saw it, or is in `syncline_conflicts`.
"""

import contextlib
import json
import random
import threading
import time
import unittest

from support.databases import PostgresDatabase, SqliteDatabase
from support.postgres import Cluster
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest
from support.waiting import eventually

KEYS = 200
CHANGES = scaled(1_500, 5_000)  # on each side
QUIET = scaled(2, 60)  # seconds
KILLS = scaled(4, 12)  # of each process
SKEW = 3  # seconds, by which the second side's clock is ahead


class Side:
    """A database with its users."""

    def __init__(self, name, database, skew):
        self.name, self.database = name, database
        postgres = database.dialect == "postgres"
        self.table = "public.items" if postgres else "items"
        self.now = (
            f"clock_timestamp() + interval '{skew} s'"
            if postgres
            else f"strftime('%Y-%m-%d %H:%M:%f', 'now', '+{skew} seconds') || '000+00'"
        )
        self.hole = "%s" if postgres else "?"
        stamp = "timestamptz" if postgres else "TEXT"
        database.execute(
            f"CREATE TABLE items(id bigint PRIMARY KEY, content text NOT NULL, updated_at {stamp} NOT NULL)"
        )
        database.execute("CREATE INDEX ON items(updated_at)" if postgres else
                         "CREATE INDEX items_updated_at ON items(updated_at)")  # fmt: skip

    def change(self, cursor, rng, number):
        key, content = rng.randrange(KEYS), f"{self.name}{number}"
        if rng.random() < 0.15:
            cursor.execute(f"DELETE FROM items WHERE id = {key}")
        else:
            cursor.execute(
                f"INSERT INTO items VALUES({key}, {self.hole}, {self.now}) ON CONFLICT (id) DO UPDATE"
                " SET content = excluded.content, updated_at = excluded.updated_at",
                (content,),
            )

    def use(self, count, seed, stop):
        """Users: short transactions, a tenth of them with several changes that take a while."""
        rng = random.Random(f"{seed}/{self.name}")
        with contextlib.closing(self.database.connect()) as connection:
            cursor = connection.cursor()
            number = 0
            while number < count and not stop.is_set():
                long = rng.random() < 0.02
                if self.database.dialect == "sqlite":
                    cursor.execute("BEGIN IMMEDIATE")
                for _ in range(rng.randrange(2, 6) if long else 1):
                    number += 1
                    self.change(cursor, rng, number)
                if long:
                    time.sleep(0.1)  # how long this user takes; nothing waits for it
                cursor.execute("COMMIT" if rng.random() < 0.95 else "ROLLBACK")
                if self.database.dialect == "sqlite":
                    time.sleep(0.001)  # lets others have the file

    def rows(self):
        return dict(self.database.rows("SELECT id, content FROM items"))

    def conflicts(self):
        return " ".join(
            f"{source} {target}"
            for source, target in self.database.rows("SELECT CAST(source_row AS text), CAST(target_row AS text) FROM syncline_conflicts")
        )


class TwoWayTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("two_way_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def database(self, kind, name):
        if kind == "postgres":
            return PostgresDatabase(self.cluster, name)
        return SqliteDatabase(self.folder / f"{name}.db")

    def converge(self, first_kind, second_kind):
        sides = [
            Side("a", self.database(first_kind, "a"), 0),
            Side("b", self.database(second_kind, "b"), SKEW),
        ]
        syncline = Syncline(
            self.folder,
            {
                "log": "./log",
                "databases": {side.name: side.database.url for side in sides},
                "defaults": {"every": "20ms", "cursor": "updated_at", "deletes": "tombstones"},
                "pipelines": {"ab": {"between": ["a", "b"], "tables": {sides[0].table: {}}}},
            },
        )
        syncline.run("prepare", "--apply")
        self.live(syncline, sides)
        for _ in range(3):
            syncline.run("run", "--once")
        self.assertEqual(sides[0].rows(), sides[1].rows())
        with syncline.start("run") as process:
            self.expect_quiet(syncline)
            process.terminate()
        lost = self.expect_nothing_lost(syncline, sides)
        print(f"{sides[0].database} and {sides[1].database}: {lost} states lost a conflict", flush=True)

    def live(self, syncline, sides):
        rng = random.Random(SEED)
        stop = threading.Event()
        users = [threading.Thread(target=side.use, args=(CHANGES, SEED, stop)) for side in sides]
        processes = {side.name: syncline.start("run", f"ab/{side.name}") for side in sides}
        try:
            for user in users:
                user.start()
            for _ in range(KILLS):
                for name in processes:
                    # Any moment will do.
                    time.sleep(rng.random() * scaled(0.5, 2))
                    if rng.random() < 0.5:
                        self.cut(sides)
                        time.sleep(rng.random() * 0.3)
                    if processes[name].is_running():
                        processes[name].kill()
                    # A session that is cut before anything runs is told to whoever has started it.
                    self.assertIn(processes[name].result().code, (-9, 3), processes[name].output()[-2000:])
                    processes[name] = syncline.start("run", f"ab/{name}")
            for user in users:
                user.join()
        finally:
            stop.set()
            for process in processes.values():
                process.terminate(expect=None)
        for process in processes.values():
            self.assertEqual(process.result().code, 0, process.output()[-4000:])

    def cut(self, sides):
        """Ends the sessions that Syncline has with the servers."""
        for side in sides:
            if side.database.dialect == "postgres":
                side.database.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'syncline' AND datname = current_database()"
                )

    def log(self, syncline, name):
        return [line for line in syncline.run("log", "cat", name, "--json").json_lines()
                if line["op"] != "mark"]  # fmt: skip

    def expect_quiet(self, syncline):
        ends = lambda: [p["log_end"] for p in syncline.run("status", "--json").json()["pipelines"]]
        changes = lambda: sum(len(self.log(syncline, name)) for name in "ab")
        before = changes()
        time.sleep(QUIET)  # nothing is to happen in this time
        self.assertEqual(changes(), before, f"the logs go on: {ends()}")

    def expect_nothing_lost(self, syncline, sides):
        logs = {side.name: self.log(syncline, side.name) for side in sides}
        seen = {name: {entry["row"]["content"] for entry in log if entry["row"]} for name, log in logs.items()}
        conflicts = " ".join(side.conflicts() for side in sides)
        rows = set(sides[0].rows().values())
        lost = 0
        for name, log in logs.items():
            other = "b" if name == "a" else "a"
            followed = {}
            for place, entry in enumerate(log):
                followed.setdefault(entry["key"]["id"], []).append(place)
            for places in followed.values():
                for at, place in enumerate(places):
                    entry = log[place]
                    if entry["by"] != "user" or not entry["row"]:
                        continue
                    content = entry["row"]["content"]
                    by_user = at + 1 < len(places) and log[places[at + 1]]["by"] == "user"
                    if by_user or content in rows or content in seen[other]:
                        continue
                    lost += 1
                    self.assertTrue(f'"{content}"' in conflicts, f"{entry} of {name} is lost")
        return lost

    def test_postgres_and_postgres(self):
        self.converge("postgres", "postgres")

    def test_postgres_and_sqlite(self):
        self.converge("postgres", "sqlite")

    def test_sqlite_and_sqlite(self):
        self.converge("sqlite", "sqlite")


if __name__ == "__main__":
    unittest.main(verbosity=2)
