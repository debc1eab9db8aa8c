"""Tables that are compared as a whole, `capture: compare`: of either database, without a cursor column, into either.

Random transactions with savepoints and rollbacks between the looks, kills in the middle of them; each look is one consistent cut with
inserts, updates and deletions. Seen to fail when the deletions of a look come from the snapshot of another poll.
"""

import contextlib
import random
import time
import unittest

from support import log
from support.databases import PostgresDatabase, SqliteDatabase
from support.postgres import Cluster
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest
from support.waiting import eventually
from support.writers import Writers

SECONDS = scaled(3, 60)
KILLS = scaled(2, 20)
ROWS = 2000

# Each account has a twin with the same amount, whatever is done to both in one transaction.
SCHEMA = (
    "CREATE TABLE account(owner {text} NOT NULL, number int NOT NULL, amount int, PRIMARY KEY (owner, number))",
    "CREATE TABLE twin(id int NOT NULL PRIMARY KEY, amount int)",
)


class CompareCaptureTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("compare_capture_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        super().setUp()
        self.rng = random.Random(f"{SEED}/{self.id()}")

    def databases(self, name):
        return PostgresDatabase(self.cluster, name), SqliteDatabase(self.folder / f"{name}.db")

    def test_every_look_is_a_cut_from_and_to_either_database(self):
        for source in self.databases("source"):
            with self.subTest(source=source.dialect):
                self.sync(source, dict(zip(("postgres", "sqlite"), self.databases(f"copy_{source.dialect}"))))

    def sync(self, source, targets):
        with contextlib.closing(source.connect()) as connection:
            cursor = connection.cursor()
            for sql in SCHEMA:
                cursor.execute(sql.format(text="text" if source.dialect == "postgres" else "TEXT"))
            for number in range(ROWS):
                self.insert(cursor, number, 0)
            connection.commit()
        tables = {f"public.{t}" if source.dialect == "postgres" else t: {} for t in ("account", "twin")}
        syncline = Syncline(self.folder / source.dialect, {
            "log": "./log",
            "databases": {"source": source.url, **{name: target.url for name, target in targets.items()}},
            "defaults": {"every": "20ms", "capture": {"by": "compare", "every": "100ms"}},
            "pipelines": {name: {"from": "source", "to": name, "tables": tables} for name in targets},
        })  # fmt: skip
        check = syncline.run("check").stdout
        self.assertIn("as of each look: now and then the whole table is compared with the log", check)
        with Writers([self.writer(source)]):
            for part in range(KILLS + 1):
                with syncline.start("run") as process:
                    time.sleep(SECONDS / (KILLS + 1))
                    process.terminate() if part == KILLS else process.kill()
            for _ in range(3):  # on a slow machine the looks from before were few
                syncline.run("run", "--once")
        syncline.run("run", "--once")
        syncline.run("verify")
        self.check_log(syncline)

    def test_between_the_looks_polls_leave_the_table_alone_and_verify_looks(self):
        """Fails when every poll reads the table, and when `verify` calls apart what the next look would bring."""
        source, target = PostgresDatabase(self.cluster, "slow"), SqliteDatabase(self.folder / "target.db")
        source.execute("CREATE TABLE slow(id int PRIMARY KEY, v int); CREATE TABLE fast(id int PRIMARY KEY, v int);"
                       "INSERT INTO slow VALUES (1, 0), (2, 0); INSERT INTO fast VALUES (1, 0)")
        syncline = Syncline(self.folder, {
            "log": "./log",
            "databases": {"source": source.url, "copy": target.url},
            "defaults": {"every": "20ms", "capture": "xmin"},
            "pipelines": {"way": {"from": "source", "to": "copy", "tables": {
                "public.slow": {"capture": {"by": "compare", "every": "1h"}}, "public.fast": {}}}},
        })  # fmt: skip
        syncline.run("run", "--once")
        with syncline.start("run") as process:
            source.execute("UPDATE slow SET v = 1 WHERE id = 1; DELETE FROM slow WHERE id = 2")
            source.execute("UPDATE fast SET v = 1")
            eventually(lambda: list(target.rows("SELECT v FROM fast")) == [(1,)], "a poll after the changes")
            self.assertEqual(list(target.rows("SELECT id, v FROM slow ORDER BY id")), [(1, 0), (2, 0)])
            syncline.run("verify")
            self.assertEqual(list(target.rows("SELECT id, v FROM slow ORDER BY id")), [(1, 1)])
            process.terminate()

    def insert(self, cursor, number, amount):
        cursor.execute(f"INSERT INTO account VALUES ('owner {number % 7}', {number}, {amount})")
        cursor.execute(f"INSERT INTO twin VALUES ({number}, {amount})")

    def writer(self, source):
        begin = "BEGIN" if source.dialect == "postgres" else "BEGIN IMMEDIATE"

        def write(cursor, number):
            kind = self.rng.random()
            if kind < 0.3:
                cursor.execute(f"DELETE FROM account WHERE number = {number}")
                cursor.execute(f"DELETE FROM twin WHERE id = {number}")
            elif kind < 0.5:
                cursor.execute(f"UPDATE account SET owner = owner || '.' WHERE number = {number}")
            else:
                cursor.execute(f"UPDATE account SET amount = amount + 1 WHERE number = {number}")
                cursor.execute(f"UPDATE twin SET amount = amount + 1 WHERE id = {number}")

        def body(stop):
            new = ROWS
            with contextlib.closing(source.connect()) as connection:
                if source.dialect == "postgres":
                    connection.autocommit = True
                cursor = connection.cursor()
                while not stop.is_set():
                    cursor.execute(begin)
                    for number in self.rng.sample(range(new), 10):
                        cursor.execute("SAVEPOINT s")
                        write(cursor, number)
                        cursor.execute("ROLLBACK TO s" if self.rng.random() < 0.2 else "RELEASE s")
                    self.insert(cursor, new, 1)
                    stop.wait(self.rng.random() * 0.02)
                    rolls_back = self.rng.random() < 0.1
                    cursor.execute("ROLLBACK" if rolls_back else "COMMIT")
                    new += 0 if rolls_back else 1
                    stop.wait(self.rng.random() * 0.02)

        return body

    def check_log(self, syncline):
        """At the end of every cut each account's amount is that of its twin, and where one is gone so is the other."""
        accounts, twins, cuts = {}, {}, 0
        for change in log.changes(syncline, "source"):
            if change.op == "delete":
                key = tuple(change.key.values())
                rows, key = (twins, key[0]) if change.table == "twin" else (accounts, key)
                rows.pop(key, None)
            elif change.op == "upsert" and change.table == "twin":
                twins[change.row["id"]] = change.row["amount"]
            elif change.op == "upsert":
                accounts[change.row["owner"], change.row["number"]] = change.row["amount"]
            if change.closes_cut:
                cuts += 1
                amounts = {number: amount for (_, number), amount in accounts.items()}
                self.assertEqual(len(amounts), len(accounts), f"a row is there twice at {change.offset}")
                self.assertEqual(amounts, twins, f"the cut that ends at offset {change.offset} is inconsistent")
        self.assertGreater(cuts, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
