#!/usr/bin/env python3
"""Two databases that are both written to end equal, go quiet, and lose no state in silence.

On both sides users insert, update and delete the same rows, one side's clock being ahead; now and then a transaction takes
long; the two processes are killed, and sessions with the servers are cut. When the users stop, the sides are equal within
three polls, then neither log gets another change, and every state that a user made and that is not there any more was
changed by somebody who saw it, or is in `syncline_conflicts`.

Seen to fail: when what was applied is captured as if users had made it (it comes back); when of equal times the
database's own state wins (the sides differ); when rows are overwritten whatever the log knows of them (states are lost).
"""

import itertools
import json
import random
import shutil
import signal
import threading
import time
import unittest

from support.databases import PostgresDatabase, SqliteDatabase
from support.postgres import Cluster
from support.settings import SEED, announce, scaled
from support.sides import Side
from support.syncline import Syncline, SystemTest
from support.waiting import eventually

CHANGES = scaled(1_500, 5_000)  # on each side
QUIET = scaled(2, 60)  # seconds
KILLS = scaled(4, 12)  # of each process
SKEW = 3  # seconds, by which the second side's clock is ahead


class TwoWayTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("two_way_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def database(self, kind, name):
        if kind == "postgres":
            return PostgresDatabase(self.cluster, name)
        path = self.folder / f"{name}.db"
        path.unlink(missing_ok=True)
        return SqliteDatabase(path)

    def side(self, name, kind, skew=0, coarse=False):
        return Side(name, self.database(kind, name), skew, coarse)

    def network(self, sides, hub=None):
        """`hub`: its name; the others meet there. Without one the two are a pair."""
        first = sides[0]
        pairs = [(hub or first.name, side.name) for side in sides if side.name != (hub or first.name)]
        tables = {side.name: side.table for side in sides}
        syncline = Syncline(
            self.folder,
            {
                "log": "./log",
                "databases": {side.name: side.database.url for side in sides},
                "defaults": {"every": "20ms", "cursor": "updated_at", "deletes": "tombstones"},
                "pipelines": {
                    one + other: {"between": [one, other], "tables": {tables[one]: {"to": tables[other]}}}
                    for one, other in pairs
                },
            },
        )
        syncline.run("prepare", "--apply")
        # One process for each database.
        return syncline, {side.name: [one + other + "/" + side.name for one, other in pairs
                                      if side.name in (one, other)] for side in sides}  # fmt: skip

    def converge(self, sides, hub=None):
        syncline, nodes = self.network(sides, hub)
        self.live(syncline, sides, nodes)
        for _ in range(3 if hub is None else 6):
            syncline.run("run", "--once")
        for side in sides:
            self.assertEqual(side.rows(), sides[0].rows())
        with syncline.start("run") as process:
            self.expect_quiet(syncline, nodes)
            process.terminate()
        lost = self.expect_nothing_lost(syncline, sides)
        print(f"{', '.join(str(side.database) for side in sides)}: {lost} states lost a conflict", flush=True)

    def live(self, syncline, sides, nodes):
        rng = random.Random(SEED)
        stop = threading.Event()
        users = [threading.Thread(target=side.use, args=(CHANGES, SEED, stop)) for side in sides]
        processes = {name: syncline.start("run", *nodes[name]) for name in nodes}
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
                    processes[name] = syncline.start("run", *nodes[name])
            for user in users:
                user.join()
        finally:
            stop.set()
            for process in processes.values():
                process.terminate(expect=None)
        for process in processes.values():
            self.assertIn(process.result().code, (0, 3), process.output()[-4000:])  # 3: as above

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

    def expect_quiet(self, syncline, names):
        changes = lambda: {name: len(self.log(syncline, name)) for name in names}
        before = changes()
        time.sleep(QUIET)  # nothing is to happen in this time
        self.assertEqual(changes(), before)

    def expect_nothing_lost(self, syncline, sides):
        """Whatever an applied state has replaced was known where that state comes from, or is in a conflict."""
        logs = {side.name: self.log(syncline, side.name) for side in sides}
        contents = {name: {entry["row"]["content"] for entry in log if entry["row"]} for name, log in logs.items()}
        nodes = {entry["clock"].split("@")[1]: name for name, log in logs.items()
                 for entry in log if entry["via"] is None}  # fmt: skip
        conflicts = " ".join(side.conflicts() for side in sides)
        rows = set(sides[0].rows().values())
        lost = set()
        for name, log in logs.items():
            by_key = {}
            for entry in log:
                if entry["via"] is None and entry["row"]:
                    self.assertEqual(entry["row"]["content"][0], name, "what was applied came back")
                by_key.setdefault(entry["key"]["id"], []).append(entry)
            for entries in by_key.values():
                for entry, following in itertools.zip_longest(entries, entries[1:]):
                    content = entry["row"] and entry["row"]["content"]
                    if content is None or content in rows:
                        continue
                    self.assertIsNotNone(following, f"{entry} is the last of {name} and not there")
                    if following["via"] is None or content in contents[nodes[following["via"]]]:
                        continue
                    lost.add(content)
                    self.assertTrue(f'"{content}"' in conflicts, f"{entry} of {name} is lost to {following}")
        return len(lost)

    def test_postgres_and_postgres(self):
        self.converge([self.side("a", "postgres"), self.side("b", "postgres", SKEW)])

    def test_postgres_and_sqlite(self):
        self.converge([self.side("a", "postgres"), self.side("b", "sqlite", SKEW)])

    def test_sqlite_and_sqlite(self):
        """Both sides' stamps are whole seconds, so that two states often have the same."""
        self.converge([self.side("a", "sqlite", coarse=True), self.side("b", "sqlite", coarse=True)])

    def test_three_around_a_hub(self):
        sides = [self.side("h", "postgres"), self.side("x", "sqlite", SKEW), self.side("y", "postgres", 1)]
        self.converge(sides, hub="h")

    def test_a_crash_before_the_log_knows(self):
        """The process dies with rows in the database that are not in its log: they are no user's.

        Seen to fail when what was prepared is not settled, and when it is settled as not committed.
        """
        for kind in ("sqlite", "postgres"):
            for point, happened in (("apply.rows_written", False), ("apply.committed", True)):
                with self.subTest(f"{kind}, {point}"):
                    self.crash(kind, point, happened)

    def crash(self, kind, point, happened):
        shutil.rmtree(self.folder / "log", ignore_errors=True)
        sides = [self.side("a", kind), self.side("b", kind)]
        syncline, _ = self.network(sides)
        syncline.run("run", "--once")
        sides[0].write("INSERT INTO items VALUES (1, 'first', {now}), (2, 'second', {now})")
        with syncline.start("run", "--once", env={"SYNCLINE_CRASH_AT": f"{point}:1"}) as process:
            process.wait(expect=-signal.SIGKILL)
        self.assertEqual(sides[1].rows(), {1: "first", 2: "second"} if happened else {})
        # A user is quick.
        if happened:
            sides[1].write("UPDATE items SET content = 'by b', updated_at = {now} WHERE id = 2")
        for _ in range(3):
            syncline.run("run", "--once")
        second = "by b" if happened else "second"
        self.assertEqual([side.rows() for side in sides], 2 * [{1: "first", 2: second}])
        for side in sides:
            self.assertEqual(side.conflicts(), "")
        users = [entry["row"]["content"] for entry in self.log(syncline, "b") if entry["via"] is None]
        self.assertEqual(users, ["by b"] if happened else [])

    def pair(self, **pipeline):
        sides = [self.side("a", "sqlite"), self.side("b", "postgres")]
        syncline, _ = self.network(sides)
        configuration = json.loads((self.folder / "syncline.yaml").read_text())
        configuration["pipelines"]["ab"].update(pipeline)
        syncline.configure(configuration)
        return syncline, sides

    def meet(self, syncline, sides):
        """Both sides change one row without having seen the other's state; b's stamp is the later one."""
        sides[0].write("INSERT INTO items VALUES (1, 'first', {now})")
        for _ in range(2):
            syncline.run("run", "--once")
        sides[0].write("UPDATE items SET content = 'by a', updated_at = {now} WHERE id = 1")
        sides[1].write("UPDATE items SET content = 'by b', updated_at = {now} WHERE id = 1")
        for _ in range(3):
            syncline.run("run", "--once")
        self.assertEqual(sides[0].rows(), sides[1].rows())
        return sides[0].rows()[1]

    def test_the_later_one_wins_or_the_preferred_one_and_it_can_be_reversed(self):
        """Seen to fail when a preferred state is not defended."""
        for prefer, winner in ((None, "by b"), (["a"], "by a"), (["b", "a"], "by b")):
            with self.subTest(str(prefer)):
                shutil.rmtree(self.folder / "log", ignore_errors=True)
                syncline, sides = self.pair(**({"conflict": {"prefer": prefer}} if prefer else {}))
                self.assertEqual(self.meet(syncline, sides), winner)
                listed = syncline.run("conflicts", "list", "--json").json()["conflicts"]
                # Of a conflict that was decided for b, and then the other way round, only the latter is still so.
                conflict = next(one for one in listed if one[f"{one['winner']}_row"]["content"] == winner)
                loser = "target" if conflict["winner"] == "source" else "source"
                syncline.run("conflicts", "resolve", str(conflict["id"]), "--pipeline", conflict["pipeline"],
                             "--keep", loser)  # fmt: skip
                for _ in range(3):
                    syncline.run("run", "--once")
                self.assertEqual(sides[0].rows(), sides[1].rows())
                self.assertEqual(sides[0].rows()[1], "by a" if winner == "by b" else "by b")
                syncline.run("verify", "--wait", "100ms")

    def test_stamps_ahead_of_the_clock(self):
        for ahead, winner in (("cap", "by b"), ("accept", "by a"), ("stop", None)):
            with self.subTest(ahead):
                shutil.rmtree(self.folder / "log", ignore_errors=True)
                syncline, sides = self.pair(max_skew="1m", ahead=ahead)
                sides[0].write("INSERT INTO items VALUES (1, 'first', {now})")
                for _ in range(2):
                    syncline.run("run", "--once")
                sides[0].write("UPDATE items SET content = 'by a', updated_at = '2099-01-01 00:00:00.000000+00'"
                               " WHERE id = 1")  # fmt: skip
                if winner is None:
                    told = syncline.run("run", "--once", expect=1)
                    self.assertIn("ahead of the database's clock", told.stderr)
                    continue
                told = syncline.run("run", "ab/a", "--once")
                self.assertIn("ahead of the database's clock", told.stderr)
                sides[1].write("UPDATE items SET content = 'by b', updated_at = {now} WHERE id = 1")
                for _ in range(3):
                    syncline.run("run", "--once")
                self.assertEqual([side.rows()[1] for side in sides], 2 * [winner])

    def test_two_filled_databases_meet(self):
        """What the dry run says is what happens, and it can be reversed, whatever the old stamps.

        Seen to fail when the resolved row is not read again.
        """
        syncline, sides = self.pair()
        sides[0].write("INSERT INTO items VALUES (1, 'a1', {now}), (2, 'same', '2026-01-01 00:00:00.000000+00'),"
                       " (3, 'a3', '2026-01-02 00:00:00.000000+00')")  # fmt: skip
        sides[1].write("INSERT INTO items VALUES (2, 'same', '2026-01-01 00:00:00.000000+00'),"
                       " (3, 'b3', '2026-01-03 00:00:00.000000+00'), (4, 'b4', {now})")  # fmt: skip
        table = syncline.run("run", "ab", "--dry-run", "--json").json()["pipelines"][0]["tables"][0]
        self.assertEqual([table[name] for name in ("equal", "missing", "extra", "wins")], [1, 1, 1, {"a": 0, "b": 1}])
        syncline.run("verify", "--wait", "100ms", expect=4)
        for _ in range(2):
            syncline.run("run", "--once")
        self.assertEqual([side.rows() for side in sides], 2 * [{1: "a1", 2: "same", 3: "b3", 4: "b4"}])
        self.assertIn('"a3"', sides[0].conflicts())
        self.assertNotIn("same", sides[0].conflicts() + sides[1].conflicts())
        syncline.run("verify")
        syncline.run("conflicts", "resolve", "1", "--pipeline", "ab/a", "--keep", "target")
        for _ in range(2):
            syncline.run("run", "--once")
        self.assertEqual([side.rows()[3] for side in sides], 2 * ["a3"])
        told = syncline.run("apply", "--once", expect=2)
        self.assertIn("applied to where it is captured", told.stderr)
        syncline.run("repair", "ab", expect=2)

    def test_verify_by_the_clock_tells_rows_that_stay_different(self):
        """Seen to fail when what is told of a pair has other names than what is told of a pipeline."""
        syncline, sides = self.pair(verify={"cron": "* * * * * *"})
        sides[0].write("INSERT INTO items VALUES (1, 'first', {now})")
        sides[0].write("INSERT INTO items VALUES (2, 'second', {now})")
        for _ in range(2):
            syncline.run("run", "--once")
        # No poll sees it: its stamp is an old one, and another row's is still the highest.
        sides[0].database.execute(
            "UPDATE items SET content = 'unseen', updated_at = '2020-01-01 00:00:00.000000+00' WHERE id = 1"
        )
        with syncline.start("run") as process:
            verified = eventually(
                lambda: [run for run in syncline.run("runs", "ab", "--json").json()["runs"]
                         if run["kind"] == "verify" and run["ended_at"]],
                "a comparison by the clock",
            )  # fmt: skip
            process.terminate()
        self.assertEqual(verified[-1]["state"], "Failed")
        self.assertIn("1 differing", verified[-1]["error"])

    def test_what_the_other_side_makes_of_a_row_does_not_come_back(self):
        """b rounds a price, and has triggers that change a name and the stamp. Nothing goes round, and b's users are heard.

        Seen to fail when the log is told what was to be written, not what is there.
        """
        for kind in ("sqlite", "postgres"):
            with self.subTest(kind):
                self.round_and_trigger(kind)

    def round_and_trigger(self, kind):
        shutil.rmtree(self.folder / "log", ignore_errors=True)
        first, second = self.database("postgres", "a"), self.database(kind, "b")
        for database in (first, second):
            database.execute(
                "CREATE TABLE goods(id bigint PRIMARY KEY, name text, price numeric(12,4),"
                f" updated_at {'timestamptz' if database.dialect == 'postgres' else 'TEXT'} NOT NULL)"
            )
        if kind == "postgres":
            second.execute(
                "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " new.name := upper(new.name); new.price := round(new.price, 2); new.updated_at := clock_timestamp(); RETURN new; END $$;"
                " CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON goods FOR EACH ROW EXECUTE FUNCTION touch()"
            )
        else:
            for event in ("INSERT", "UPDATE OF name, price"):
                second.execute(
                    f"CREATE TRIGGER touch_{event[:6]} AFTER {event} ON goods BEGIN UPDATE goods SET"
                    " name = upper(name), price = round(price, 2),"
                    " updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') || '000+00' WHERE id = new.id; END"
                )
        syncline = Syncline(
            self.folder,
            {
                "log": "./log",
                "databases": {"a": first.url, "b": second.url},
                "defaults": {"every": "20ms", "cursor": "updated_at"},
                "pipelines": {"ab": {"between": ["a", "b"], "tables": {
                    "public.goods": {"to": "public.goods" if kind == "postgres" else "goods"}}}},
            },
        )  # fmt: skip
        first.execute("INSERT INTO goods VALUES (1, 'tea', 1.2345, now()), (2, 'milk', 2.5, now())")
        for _ in range(3):
            syncline.run("run", "--once")
        before = self.log(syncline, "a"), self.log(syncline, "b")
        for entry in before[0]:
            self.assertEqual(entry["clock"].split("@")[0], entry["version"])
        polled = lambda: [one["last_poll_at"] for one in syncline.run("status", "--json").json()["pipelines"]]
        with syncline.start("run") as process:
            for _ in range(3):  # nothing is to happen in these polls of either
                at = polled()
                eventually(lambda: all(new > old for new, old in zip(polled(), at)), "another poll")
            process.terminate()
        self.assertEqual((self.log(syncline, "a"), self.log(syncline, "b")), before)
        self.assertTrue(all(entry["via"] for entry in before[1]), before[1])
        self.assertEqual(list(first.rows("SELECT name, CAST(price AS text) FROM goods WHERE id = 1")),
                         [("tea", "1.2345")])  # fmt: skip
        second.execute(f"UPDATE goods SET name = 'coffee', price = 3, updated_at = {second.now} WHERE id = 1")
        for _ in range(3):
            syncline.run("run", "--once")
        self.assertEqual(list(first.rows("SELECT name, CAST(price AS float) FROM goods WHERE id = 1")),
                         [("COFFEE", 3)])  # fmt: skip


if __name__ == "__main__":
    unittest.main(verbosity=2)
