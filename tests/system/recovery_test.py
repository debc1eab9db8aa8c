"""What people do after a loss: replays, logs that are put back or cut, histories that are folded.

Seen to fail on the build of 29 November: a replay ended between two states of the source and said nothing, deletions of the time
after a backup were lost for good, a replay that was refused kept retention waiting, a trigger of the target stamped what was replayed
(500 of 900 rows and deletions lost, exit code 0), and `log cat` answered with silence.
"""

import contextlib
import datetime
import os
import signal
import sqlite3
import unittest

from support import log
from support.databases import PostgresDatabase, SqliteDatabase, one
from support.postgres import Cluster
from support.syncline import Syncline, SystemTest

STAMP = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
TOUCH = "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := clock_timestamp(); RETURN NEW; END'"
ACCOUNTS = "CREATE TABLE accounts(id bigint PRIMARY KEY, v int, updated_at timestamptz NOT NULL DEFAULT clock_timestamp())"


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


class RecoveryTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def syncline_of(self, source, tables, retain=None, **defaults):
        self.target = SqliteDatabase(self.folder / "target.db")
        return Syncline(
            self.folder,
            {
                "log": "./log",
                **({"retain": retain} if retain else {}),
                "databases": {"shop": source.url, "mirror": self.target.url},
                "defaults": {"every": "20ms", "cursor": "updated_at", **defaults},
                "pipelines": {"way": {"from": "shop", "to": "mirror", "tables": tables}},
            },
        )

    def sqlite(self, name, *statements):
        database = SqliteDatabase(self.folder / f"{name}.db")
        with contextlib.closing(database.connect()) as connection:
            for statement in statements:
                connection.executescript(statement)
        return database

    def family(self):
        """Parents and children, that come in one cut, and more of both in the next."""
        source = self.sqlite(
            "source",
            "CREATE TABLE parent(id INTEGER PRIMARY KEY, updated_at TEXT)",
            "CREATE TABLE child(id INTEGER PRIMARY KEY, parent_id INT, updated_at TEXT)",
        )
        syncline = self.syncline_of(source, {"child": {}, "parent": {}})
        ends = []
        for first in (1, 1001):
            with contextlib.closing(source.connect()) as connection:
                connection.executescript(
                    f"""BEGIN; WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {first + 499})
                    INSERT INTO parent SELECT i, {STAMP} FROM n;
                    INSERT INTO child SELECT id, id, updated_at FROM parent WHERE id >= {first}; COMMIT"""
                )
            syncline.run("run", "--once")
            ends.append(log.stat(syncline, "shop")["end"])
            self.moment = self.moment if first > 1 else now()
        return syncline, ends

    def orphans(self, name):
        database = SqliteDatabase(self.folder / f"{name}.db")
        return one(database, "SELECT count(*) FROM child WHERE parent_id NOT IN (SELECT id FROM parent)")

    def replay(self, syncline, name, *options, expect=0):
        return syncline.run("replay", "way", "--into", f"sqlite:{name}.db", *options, expect=expect)

    def test_a_replay_ends_with_a_state_of_the_source_and_says_with_which(self):
        self.moment = None
        syncline, (first, end) = self.family()
        inside = first + 300
        told = self.replay(syncline, "a", "--to-offset", str(inside))
        self.assertEqual(self.orphans("a"), 0)
        for word in (str(first), str(end), "inside of a cut"):
            self.assertIn(word, told.stderr)
        self.assertIn("source's clock", told.stdout)
        told = self.replay(syncline, "b", "--to-offset", str(inside), "--inside-cut", "--json").json()
        self.assertEqual((told["next_offset"], told["cut"], told["source_time"]), (inside, None, None))
        self.assertGreater(self.orphans("b"), 0)
        told = self.replay(syncline, "c", "--to-time", self.moment, "--json").json()
        self.assertEqual((told["next_offset"], told["cut"], told["conflicts"], told["parked"]), (first, first, 0, 0))
        self.assertLessEqual(datetime.datetime.fromisoformat(told["source_time"].replace("Z", "+00:00")),
                             datetime.datetime.fromisoformat(self.moment))
        told = self.replay(syncline, "c", "--json").json()  # further
        self.assertEqual((told["next_offset"], told["cut"]), (end, end))
        self.assertIn("future", self.replay(syncline, "d", "--to-time", "2199-01-01T00:00:00Z").stderr)
        self.assertIn("before the log begins", self.replay(syncline, "e", "--to-time", "1999-01-01", expect=2).stderr)
        self.assertIn("first load", self.replay(syncline, "e", "--to-offset", str(first - 1), expect=2).stderr)
        self.replay(syncline, "e", "--to-offset", "0", expect=2)
        self.replay(syncline, "e", "--to-offset", str(end + 1), expect=2)
        self.replay(syncline, "a", "--to-offset", str(end))
        self.replay(syncline, "a", "--to-time", self.moment, expect=2)  # it does not go back

    def test_a_first_load_that_was_cut_off_is_no_state_to_go_back_to(self):
        source = self.sqlite("source", "CREATE TABLE parent(id INTEGER PRIMARY KEY, updated_at TEXT)",
                             "CREATE TABLE child(id INTEGER PRIMARY KEY, parent_id INT, updated_at TEXT)",
                             "INSERT INTO parent VALUES (1, '2026-01-01'); INSERT INTO child VALUES (1, 1, '2026-01-01')")  # fmt: skip
        syncline = self.syncline_of(source, {"child": {}, "parent": {}})
        crash = {"SYNCLINE_CRASH_AT": "load.range_logged:1"}
        syncline.run("capture", "--once", env=crash, expect=-signal.SIGKILL)
        for options in ((), ("--to-time", now())):
            self.assertIn("first load", self.replay(syncline, "r", *options, expect=2).stderr)
        self.assertIn("no cut is closed", self.replay(syncline, "r", "--inside-cut").stdout)
        syncline.run("capture", "--once")
        self.assertIn("source's clock", self.replay(syncline, "r").stdout)

    def pruned(self, source, cut_off):
        """Half of the rows are deleted after a backup, or after a place that the log is cut at; their tombstones are dropped."""
        syncline = self.syncline_of(source, {"items": {}}, deletes="tombstones")
        syncline.run("prepare", "--apply")
        syncline.run("run", "--once")
        place = log.stat(syncline, "shop")["end"]
        syncline.run("log", "backup", "monday")
        source.execute("DELETE FROM items WHERE id % 2 = 0")
        syncline.run("run", "--once")
        past = "'2020-01-01'" if source.dialect == "sqlite" else "'2020-01-01'::timestamptz"
        source.execute(f"UPDATE syncline_tombstones_items SET syncline_deleted_at = {past} WHERE syncline_deleted_at > {past}"
                       + (" AND syncline_id > 0" if source.dialect == "sqlite" else ""))  # fmt: skip
        if source.dialect == "sqlite":
            syncline.run("prepare", "--prune", "1s")
        else:  # stamps are what it goes by
            source.execute("UPDATE syncline_tombstones_items SET syncline_deleted_at = clock_timestamp() - interval '1 second'")
            syncline.run("prepare", "--prune", "1s")
        self.assertEqual(one(source, "SELECT count(*) FROM syncline_tombstones_items WHERE id IS NOT NULL"), 0)
        if cut_off:
            syncline.run("log", "repair", "--truncate-at", str(place))
        else:
            os.rename(self.folder / "log/shop", self.folder / "log/lost")
            os.rename(self.folder / "monday", self.folder / "log/shop")
        told = syncline.run("capture", "--once").stderr
        self.assertEqual(told.count("looked for once"), 1)
        self.assertNotIn("looked for once", syncline.run("capture", "--once").stderr)
        self.replay(syncline, "rebuilt")
        rebuilt = SqliteDatabase(self.folder / "rebuilt.db")
        self.assertEqual(one(rebuilt, "SELECT count(*) FROM items"), 50)
        self.assertEqual(one(rebuilt, "SELECT count(*) FROM items WHERE id % 2 = 0"), 0)

    def test_deletions_that_are_held_back_are_told_until_they_are_settled(self):
        rows = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO items SELECT i, {STAMP} FROM n"
        source = self.sqlite("source", "CREATE TABLE items(id INTEGER PRIMARY KEY, updated_at TEXT NOT NULL)", rows)
        syncline = self.syncline_of(source, {"items": {}}, deletes="tombstones")
        syncline.run("prepare", "--apply")
        syncline.run("capture", "--once")
        source.execute("DELETE FROM items WHERE id > 20")  # more than max_deletes lets go by itself
        source.execute("UPDATE syncline_tombstones_items SET syncline_deleted_at = '2020-01-01' WHERE syncline_id > 0")
        syncline.run("prepare", "--prune", "1d")
        self.assertIn("max_deletes", syncline.run("capture", "--once", expect=1).stderr)
        self.assertIn("gone from the source", syncline.run("check", expect=None).stdout)
        self.assertIn("gone from the source", self.replay(syncline, "early").stderr)
        syncline = self.syncline_of(source, {"items": {}}, deletes={"by": "tombstones", "max_deletes": "100%"})
        syncline.run("capture", "--once")
        self.assertNotIn("gone from the source", syncline.run("check", expect=None).stdout)
        self.replay(syncline, "rebuilt")
        self.assertEqual(one(SqliteDatabase(self.folder / "rebuilt.db"), "SELECT count(*) FROM items"), 20)

    def test_deletions_are_not_lost_by_a_log_of_sqlite_that_is_put_back(self):
        rows = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO items SELECT i, {STAMP} FROM n"
        self.pruned(self.sqlite("source", "CREATE TABLE items(id INTEGER PRIMARY KEY, updated_at TEXT NOT NULL)", rows), False)

    def test_deletions_are_not_lost_by_a_log_of_postgres_that_is_cut(self):
        source = PostgresDatabase(self.cluster, "pruned")
        source.execute("CREATE TABLE items(id bigint PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT clock_timestamp())")
        source.execute("INSERT INTO items SELECT g FROM generate_series(1, 100) g")
        self.pruned(source, True)

    def consumers(self, syncline):
        return [consumer["pipeline"] for consumer in log.stat(syncline, "shop")["consumers"]]

    def test_a_replay_becomes_a_consumer_with_its_first_commit(self):
        source = self.sqlite("source", "CREATE TABLE items(id INTEGER PRIMARY KEY, updated_at TEXT NOT NULL)",
                             "INSERT INTO items VALUES (1, '2026-01-01'), (2, '2026-01-02')")  # fmt: skip
        syncline = self.syncline_of(source, {"items": {}}, retain={"for": "1ms"})
        syncline.run("run", "--once")
        self.sqlite("bad", "CREATE TABLE items(other INTEGER)")
        self.replay(syncline, "bad", expect=2)
        self.assertEqual(self.consumers(syncline), ["way"])
        self.assertEqual(syncline.run("status", "--json").json()["idle_consumers"], [])
        # One that was cut off after a commit, and never goes on.
        source.execute(f"INSERT INTO items VALUES (3, {STAMP})")
        syncline.run("run", "--once")
        place = log.stat(syncline, "shop")["begin"]
        self.replay(syncline, "half", "--to-offset", str(place))
        source.execute(f"UPDATE items SET updated_at = {STAMP}")
        syncline.run("capture", "--once")
        crash = {"SYNCLINE_CRASH_AT": "apply.committed:1"}
        syncline.run("replay", "way", "--into", "sqlite:half.db", env=crash, expect=-signal.SIGKILL)
        source.execute(f"UPDATE items SET updated_at = {STAMP}")
        syncline.run("run", "--once")
        self.assertIn("replay into", " ".join(self.consumers(syncline)))
        (idle,) = syncline.run("status", "--json").json()["idle_consumers"]
        self.assertIn("half.db", idle["consumer"])
        told = syncline.run("check", expect=None).stdout + syncline.run("status", expect=None).stdout
        self.assertEqual(told.count("has stood at offset"), 2)
        self.assertIn(f'syncline offsets forget "{idle["consumer"]}"', told)
        syncline.run("offsets", "forget", idle["consumer"])
        self.assertEqual(syncline.run("status", "--json").json()["idle_consumers"], [])

    def accounts(self):
        source = PostgresDatabase(self.cluster, "accounts")
        source.execute(f"{TOUCH}; {ACCOUNTS}; CREATE TRIGGER t BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION touch()")
        source.execute("INSERT INTO accounts SELECT g, 0 FROM generate_series(1, 100) g")
        syncline = self.syncline_of(source, {"accounts": {}}, deletes="tombstones")
        syncline.run("prepare", "--apply")
        syncline.run("run", "--once")
        ends = [log.stat(syncline, "shop")["end"]]
        for value in (1, 2):
            source.execute(f"UPDATE accounts SET v = {value} WHERE id <= 50")
            syncline.run("run", "--once")
            ends.append(log.stat(syncline, "shop")["end"])
        source.execute("DELETE FROM accounts WHERE id <= 10")
        syncline.run("run", "--once")
        return source, syncline, [str(end) for end in ends] + [None]

    def rebuild(self, syncline, ends, url, expect=0):
        for end in ends:
            told = syncline.run("replay", "way", "--into", url, *(("--to-offset", end) if end else ()), expect=expect)
        return told

    def assert_rebuilt(self, source, rebuilt):
        query = "SELECT count(*), sum(v) FROM accounts"
        self.assertEqual([tuple(row) for row in rebuilt.rows(query)], [tuple(row) for row in source.rows(query)])
        self.assertEqual(one(rebuilt, "SELECT count(*) FROM syncline_conflicts"), 0)

    def test_triggers_of_the_target_are_quiet_while_it_is_rebuilt(self):
        source, syncline, ends = self.accounts()
        stamps = (
            f"{TOUCH}; {ACCOUNTS}; CREATE TRIGGER t BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION touch()",
            f"{TOUCH}; {ACCOUNTS}; CREATE TRIGGER t BEFORE INSERT OR UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION touch()",
        )
        for number, schema in enumerate(stamps):
            rebuilt = PostgresDatabase(self.cluster, f"rebuilt{number}")
            rebuilt.execute(schema)
            self.rebuild(syncline, ends, rebuilt.url)
            self.assert_rebuilt(source, rebuilt)
            rebuilt.execute("UPDATE accounts SET v = v WHERE id = 60")  # they work again
            self.assertEqual(one(rebuilt, "SELECT count(*) FROM accounts WHERE updated_at > now() - interval '1 minute' AND id = 60"), 1)
        file = self.sqlite(
            "rebuilt", "CREATE TABLE accounts(id INTEGER PRIMARY KEY, v INT, updated_at TEXT)",
            f"CREATE TRIGGER t AFTER UPDATE ON accounts BEGIN UPDATE accounts SET updated_at = {STAMP} WHERE id = NEW.id; END",
            f"CREATE TRIGGER i AFTER INSERT ON accounts BEGIN UPDATE accounts SET updated_at = {STAMP} WHERE id = NEW.id; END",
        )  # fmt: skip
        self.rebuild(syncline, ends, file.url)
        self.assert_rebuilt(source, file)

    def test_triggers_that_cannot_be_quiet_are_refused(self):
        _, syncline, ends = self.accounts()
        rebuilt = PostgresDatabase(self.cluster, "loud")
        rebuilt.execute(f"{TOUCH}; {ACCOUNTS}; CREATE TRIGGER t BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION touch()")
        self.cluster.execute("postgres", "CREATE ROLE owner LOGIN")
        rebuilt.execute("GRANT ALL ON SCHEMA public TO owner; ALTER TABLE accounts OWNER TO owner; ALTER FUNCTION touch() OWNER TO owner")
        told = self.rebuild(syncline, ends[:1], self.cluster.url("loud", "owner"), expect=3).stderr
        self.assertIn('ALTER TABLE "public"."accounts" DISABLE TRIGGER "t";', told)
        rebuilt.execute("ALTER TABLE accounts ENABLE ALWAYS TRIGGER t")
        told = self.rebuild(syncline, ends[:1], rebuilt.url, expect=3).stderr
        self.assertIn('ALTER TABLE "public"."accounts" DISABLE TRIGGER "t";', told)
        self.assertEqual(one(rebuilt, "SELECT count(*) FROM accounts"), 0)
        rebuilt.execute("ALTER TABLE accounts DISABLE TRIGGER t")
        self.rebuild(syncline, ends, self.cluster.url("loud", "owner"))

    def test_conflicts_and_parked_rows_of_a_replay_are_an_exit_code(self):
        source = self.sqlite("source", "CREATE TABLE items(id INTEGER PRIMARY KEY, v INT, updated_at TEXT NOT NULL)",
                             "INSERT INTO items VALUES (1, 1, '2026-01-01'), (2, -2, '2026-01-02')")  # fmt: skip
        syncline = self.syncline_of(source, {"items": {}})
        syncline.run("run", "--once")
        self.sqlite("strict", "CREATE TABLE items(id INTEGER PRIMARY KEY, v INT CHECK (v > 0), updated_at TEXT NOT NULL)")
        for _ in range(2):  # it stays so
            told = self.replay(syncline, "strict", "--json", expect=4).json()
            self.assertEqual((told["conflicts"], told["parked"]), (0, 1))
        self.sqlite("other", "CREATE TABLE items(id INTEGER PRIMARY KEY, v INT, updated_at TEXT NOT NULL)",
                    "INSERT INTO items VALUES (1, 9, '2026-06-01')")  # fmt: skip
        told = self.replay(syncline, "other", expect=4).stdout
        self.assertIn("1 conflicts, 0 parked", told)

    def test_rows_that_were_the_same_on_both_sides_are_no_conflicts(self):
        """Over a dump of the source: rows are further on than where the replay begins."""
        source = self.sqlite("source", "CREATE TABLE items(id INTEGER PRIMARY KEY, v INT, updated_at TEXT NOT NULL)")
        rows = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) INSERT INTO items SELECT i, 0, {STAMP} FROM n"
        source.execute(rows)
        syncline = self.syncline_of(source, {"items": {}})
        for value in range(1, 5):
            syncline.run("run", "--once")
            source.execute(f"UPDATE items SET v = {value}, updated_at = {STAMP} WHERE id % 100 < {value}")
            source.execute(f"UPDATE items SET updated_at = {STAMP} WHERE id % 3 = 0")
            if value == 3:
                with sqlite3.connect(source.path) as one_side, sqlite3.connect(self.folder / "dump.db") as other_side:
                    one_side.backup(other_side)
        syncline.run("run", "--once")
        self.replay(syncline, "dump")
        dump = SqliteDatabase(self.folder / "dump.db")
        query = "SELECT * FROM items ORDER BY id"
        self.assertEqual(list(dump.rows(query)), list(source.rows(query)))
        # They were met in the first batch, and taken back.
        self.assertGreater(one(dump, "SELECT seq FROM sqlite_sequence WHERE name = 'syncline_conflicts'"), 9_000)
        self.assertEqual(one(dump, "SELECT count(*) FROM syncline_conflicts"), 0)
        with sqlite3.connect(source.path) as one_side, sqlite3.connect(self.folder / "edited.db") as other_side:
            one_side.backup(other_side)
            other_side.execute(f"UPDATE items SET v = 77, updated_at = '2099-01-01 00:00:00.000' WHERE id = 5")
        self.assertIn("1 conflicts", self.replay(syncline, "edited", expect=4).stdout)

    def test_log_cat_never_answers_with_silence(self):
        source = self.sqlite("source", "CREATE TABLE items(a INT, b INT, v TEXT, updated_at TEXT NOT NULL, PRIMARY KEY(a, b))",
                             "INSERT INTO items VALUES (1, 1, 'first', '2026-01-01'), (2, 2, 'x', '2026-01-01')")  # fmt: skip
        syncline = self.syncline_of(source, {"items": {}}, retain={"for": "1ms"})
        for value in range(3):
            syncline.run("run", "--once")
            source.execute(f"UPDATE items SET v = '{value}', updated_at = {STAMP} WHERE a = 2")
        begin = log.stat(syncline, "shop")["begin"]
        self.assertGreater(begin, 1)
        told = syncline.run("log", "cat", "--table", "items", "--key", "1", "--key", "1")
        self.assertIn(f"older states were folded at offset {begin}", told.stdout)
        self.assertIn('v="first"', told.stdout)
        (line,) = syncline.run("log", "cat", "--key", "1", "--key", "1", "--json").json_lines()
        self.assertEqual((line["folded_at"], line["row"]["v"], line["written_at"]), (begin, "first", None))
        self.assertEqual(len(syncline.run("log", "cat", "--from", "0", "--json", "--limit", "2").json_lines()), 2)
        self.assertIn("folded", syncline.run("log", "cat", "--limit", "1").stderr)
        for wrong, words in (
            (("--table", "itemz"), 'did you mean "items"'), (("--table", "other", "--key", "1"), "items"),
            (("--table", "items", "--key", "1"), "items (a, b)"), (("--key", "1", "--key", "1", "--key", "1"), "items (a, b)"),
            (("--table", "items", "--key", "9", "--key", "9"), "no row with the key (9, 9) in items"),
        ):  # fmt: skip
            self.assertIn(words, syncline.run("log", "cat", *wrong, expect=2).stderr)
        end = log.stat(syncline, "shop")["end"]
        self.assertIn("no such change", syncline.run("log", "cat", "--from", str(end)).stderr)
        self.assertIn("no such change", syncline.run("log", "cat", "--key", "1", "--key", "1", "--from", str(begin)).stderr)


if __name__ == "__main__":
    unittest.main()
