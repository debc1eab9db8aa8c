"""Tables without a cursor column, captured by `capture: xmin`, that is by the ids of the transactions that wrote their rows.

Thirteen writers with overlapping transactions, savepoints, rollbacks, prepared transactions and long ones, an unprivileged reader, and
kill -9 in between: no row stale, no cut inconsistent. The same writers are polled from the *xmax* of the snapshot before on ("newer than
last time"), and that loses rows. Fails when polls reach back to that, and when the bound is not in the log's cursor.

Then what a schema without any of the usual columns comes to by `init`, and ids that are beyond 2^32.
"""

import contextlib
import json
import pathlib
import random
import time
import unittest

from support import log, oracle
from support.databases import PostgresDatabase, SqliteDatabase
from support.postgres import Cluster
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest
from support.writers import Twins, Writers

SECONDS = scaled(6, 120)
KILLS = scaled(2, 20)
ROUNDS = scaled(2, 20)
COLUMNS = {"id": "int", "v": "int", "payload": "text"}

# Keys of several types and lengths, a partitioned table, an empty one; no column tells when a row was written.
SCHEMA = """
    CREATE TABLE artist(id int PRIMARY KEY, name text);
    CREATE TABLE album(id uuid PRIMARY KEY, artist int REFERENCES artist, title varchar(50) NOT NULL);
    CREATE TABLE track(album uuid REFERENCES album, number smallint, seconds numeric(8, 3), PRIMARY KEY (album, number));
    CREATE TABLE region(code char(6) PRIMARY KEY, name text);
    CREATE TABLE sale(day date, shop int, amount numeric(12, 2), PRIMARY KEY (day, shop)) PARTITION BY RANGE (day);
    CREATE TABLE sale_old PARTITION OF sale FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
    CREATE TABLE sale_new PARTITION OF sale FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
    CREATE TABLE nothing(id bigint PRIMARY KEY);
    CREATE TABLE heap(a int, b text)"""

WRITES = (
    "INSERT INTO artist SELECT {n} * 100 + g, 'artist ' || g FROM generate_series(1, 20) g",
    "UPDATE artist SET name = name || '.' WHERE id % 7 = {n} % 7",
    "UPDATE artist SET id = -id WHERE id % 50 = {n} % 50 AND NOT EXISTS (SELECT FROM album WHERE artist = artist.id)",
    "INSERT INTO album SELECT gen_random_uuid(), id, 'of ' || name FROM artist WHERE id % 3 = {n} % 3",
    "UPDATE album SET title = upper(title) WHERE artist % 5 = {n} % 5",
    "INSERT INTO track SELECT id, {n} + 1, artist / 7.0 FROM album ON CONFLICT DO NOTHING",
    "DELETE FROM track WHERE number % 4 = {n} % 4",
    "INSERT INTO region VALUES ('r{n}', 'region {n}') ON CONFLICT DO NOTHING",
    "DELETE FROM region WHERE code = 'r{n}'",
    "INSERT INTO sale SELECT '2025-12-25'::date + g, {n}, g FROM generate_series(1, 20) g ON CONFLICT DO NOTHING",
    "UPDATE sale SET amount = amount + 1 WHERE shop = {n}",
    "UPDATE sale SET day = day + 366 WHERE shop = {n} AND day < '2026-01-01'"
    " AND NOT EXISTS (SELECT FROM sale s WHERE s.shop = sale.shop AND s.day = sale.day + 366)",
    "DELETE FROM sale WHERE amount > 15",
    "INSERT INTO nothing SELECT {n} ON CONFLICT DO NOTHING",
    "DELETE FROM nothing",
)


class NaivePoller:
    """Asks for what the transactions have written that began after the snapshot of the poll before."""

    def __init__(self, connection):
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        self._connection = connection
        self.seen = {table: {} for table in Twins.TABLES}
        self._xmax = None

    def poll(self):
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
            xmax = int(cursor.fetchone()[0])
            for table, rows in self.seen.items():
                since = "" if self._xmax is None else f" WHERE age(xmin) <= age('{self._xmax % 2**32}'::xid)"
                cursor.execute(f"SELECT id, v FROM {table}{since}")
                rows.update(cursor)
        self._connection.commit()
        self._xmax = xmax


class XminCaptureTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("xmin_capture_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        super().setUp()
        self.rng = random.Random(f"{SEED}/{self.id()}")
        self.rounds = 0

    def test_no_row_is_stale_and_no_cut_inconsistent(self):
        source = PostgresDatabase(self.cluster, "source")
        targets = PostgresDatabase(self.cluster, "target"), SqliteDatabase(self.folder / "target.db")
        twins = Twins(self.cluster, "source")
        self.cluster.create_reader("source")
        tables = {f"public.{table}": {"omit": ["updated_at"]} for table in Twins.TABLES}
        syncline = self.syncline(source, {"postgres": targets[0], "sqlite": targets[1]}, tables, user="reader")
        with contextlib.closing(self.cluster.connect("source", "reader")) as connection:
            naive = NaivePoller(connection)
            with Writers(twins.writers(SEED)):
                for part in range(KILLS + 1):
                    with syncline.start("run") as process:
                        self.poll_for(naive, SECONDS / (KILLS + 1))
                        process.terminate() if part == KILLS else process.kill()
            naive.poll()
        syncline.run("run", "--once")

        stale = self.stale_rows(naive.seen, source)
        self.assertGreater(stale, 0, "the writers do not provoke what this test is about")
        for target in targets:
            for table in Twins.TABLES:
                oracle.assert_equal(oracle.Table(source, table, COLUMNS), oracle.Table(target, table, COLUMNS))
        syncline.run("verify")
        cuts = self.check_log(syncline, source)
        print(f"from xmax on: {stale} rows stale; by xmin: none, 0 of {cuts} cuts inconsistent", flush=True)

    def syncline(self, source, targets, tables, user="postgres"):
        return Syncline(self.folder, {
            "log": "./log",
            "databases": {"source": source.url.replace("postgres@", f"{user}@"), **{n: t.url for n, t in targets.items()}},
            "defaults": {"every": "50ms", "capture": "xmin"},
            "pipelines": {name: {"from": "source", "to": name, "tables": tables} for name in targets},
        })  # fmt: skip

    def poll_for(self, naive, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            naive.poll()
            time.sleep(0.05)

    def stale_rows(self, seen, source):
        return sum(
            seen[table].get(key) != v
            for table in Twins.TABLES
            for key, v in source.rows(f"SELECT id, v FROM {table}")
        )

    def check_log(self, syncline, source):
        """At the end of every cut the invariant holds, at the end of all the source is mirrored."""
        seen = {table: {} for table in Twins.TABLES}
        unequal, cuts = set(), 0
        for change in log.changes(syncline, "source"):
            if change.op != "mark":
                key = change.row["id"]
                seen[change.table][key] = change.row["v"]
                equal = seen["items"].get(key) == seen["twins"].get(key)
                unequal.discard(key) if equal else unequal.add(key)
            if change.closes_cut:
                cuts += 1
                self.assertFalse(unequal, f"the cut that ends at offset {change.offset} is inconsistent")
        self.assertEqual(self.stale_rows(seen, source), 0, "the log does not hold the last states")
        return cuts

    def test_a_schema_without_any_of_the_usual_columns(self):
        """`init` finds a method for every table that has a key; all of it arrives, deletions and changes of keys too."""
        source = PostgresDatabase(self.cluster, "shop")
        source.execute(SCHEMA)
        for target in PostgresDatabase(self.cluster, "copy"), SqliteDatabase(self.folder / "copy.db"):
            with self.subTest(target=target.dialect):
                self.sync_schema(source, target)

    def sync_schema(self, source, target):
        folder = self.folder / target.dialect
        folder.mkdir()
        syncline = Syncline(folder)
        init = syncline.run("init", source.url, "--to", target.url)
        self.assertIn("6 tables, 1 left out", init.stdout)
        config = (folder / "syncline.yaml").read_text(encoding="utf-8")
        syncline.configure(config.replace("  deletes: none", "  deletes: {by: reconcile, every: 1ms}"))
        check = syncline.run("check")
        self.assertRegex(check.stdout, r"public.artist: exact: each row has the id of the transaction that wrote it")
        self.assertRegex(check.stdout, r"reads the whole table: \d+ pages, less than 0.1 s")
        for number in range(ROUNDS):
            self.rounds += 1
            for sql in self.rng.sample(WRITES, len(WRITES)):
                with contextlib.closing(source.connect()) as connection, connection.cursor() as cursor:
                    cursor.execute(sql.format(n=self.rng.randrange(8) + 10 * self.rounds))
                    connection.rollback() if self.rng.random() < 0.1 else connection.commit()
                if self.rng.random() < 0.15:
                    syncline.run("run", "--once")
            syncline.run("run", "--once")
            syncline.run("verify")
        status = syncline.run("status", "--json").stdout
        self.assertIn("exact", status)

    def test_a_method_that_changes_and_one_that_does_not_fit(self):
        """The rows get the versions of the new method, by which the next changes are told from those of others."""
        source = PostgresDatabase(self.cluster, "methods")
        target = PostgresDatabase(self.cluster, "methods_copy")
        source.execute("""CREATE TABLE items(id int PRIMARY KEY, v int, updated_at timestamptz NOT NULL DEFAULT now());
            INSERT INTO items SELECT g, 0 FROM generate_series(1, 100) g""")
        tables = {"public.items": {"deletes": {"by": "reconcile", "every": "1ms"}}}
        columns = {"id": "int", "v": "int", "updated_at": "timestamptz"}
        for value, capture in enumerate(({"cursor": "updated_at"}, {"capture": "xmin"}, {"cursor": "updated_at"})):
            syncline = self.syncline(source, {"copy": target}, {"public.items": {**tables["public.items"], **capture}})
            syncline.run("run", "--once")
            source.execute(f"UPDATE items SET v = {value + 1}, updated_at = now() WHERE id % 3 = {value}")
            source.execute(f"DELETE FROM items WHERE id % 10 = {value}")
            syncline.run("run", "--once")
            oracle.assert_equal(oracle.Table(source, "items", columns), oracle.Table(target, "items", columns))
            syncline.run("verify")
        self.assertEqual(list(target.rows("SELECT count(*) FROM syncline_conflicts"))[0][0], 0)

        sqlite = SqliteDatabase(self.folder / "source.db")
        for databases, pipeline, told in (
            ({"source": sqlite.url}, {"from": "source", "to": "copy"}, "rows of SQLite do not tell"),
            ({}, {"between": ["source", "copy"]}, "is for one direction"),
        ):
            syncline = Syncline(self.folder, {
                "log": "./other-log",
                "databases": {"source": source.url, "copy": target.url, **databases},
                "pipelines": {"p": {**pipeline, "tables": {"items": {"capture": "xmin"}}}},
            })  # fmt: skip
            self.assertIn(told, syncline.run("check", expect=2).stderr)

    def test_everything_behind_the_log_works_without_versions(self):
        """What a target refuses, what comes apart, a log that is folded, a target made anew of it, lines."""
        source = PostgresDatabase(self.cluster, "behind")
        target = SqliteDatabase(self.folder / "target.db")
        source.execute("CREATE TABLE items(id int PRIMARY KEY, v int); INSERT INTO items SELECT g, 0 FROM generate_series(1, 500) g")
        target.execute("CREATE TABLE items(id INTEGER PRIMARY KEY, v INTEGER CHECK (v < 1000))")
        tables = {"public.items": {"deletes": {"by": "reconcile", "every": "1ms"}}}
        syncline = Syncline(self.folder, {
            "log": "./log",
            "retain": {"size": "1kB"},
            "databases": {"source": source.url, "copy": target.url},
            "defaults": {"capture": "xmin"},
            "pipelines": {
                "way": {"from": "source", "to": "copy", "tables": tables},
                "lines": {"from": "source", "to": "jsonl:out.jsonl", "tables": tables},
            },
        })  # fmt: skip
        columns = {"id": "int", "v": "int"}
        for number in range(3):
            syncline.run("run", "--once")
            source.execute(f"UPDATE items SET v = v + 1 WHERE id % 3 = {number}; DELETE FROM items WHERE id % 50 = {number}")
        source.execute("UPDATE items SET v = 5000 WHERE id = 7")
        syncline.run("run", "--once", expect=None)
        parked = syncline.run("quarantine", "list", "--json").json()["parked"]
        self.assertEqual(len(parked), 1)
        source.execute("UPDATE items SET v = 7 WHERE id = 7")
        syncline.run("run", "--once", expect=None)
        syncline.run("quarantine", "retry", "way", expect=None)
        syncline.run("run", "--once")
        oracle.assert_equal(oracle.Table(source, "items", columns), oracle.Table(target, "items", columns))
        target.execute("UPDATE items SET v = v + 100 WHERE id = 9")
        target.execute("DELETE FROM items WHERE id = 10")
        syncline.run("verify", "way", expect=4)
        syncline.run("repair", "way", "--wait", "1s")
        syncline.run("verify", "way")
        rebuilt = SqliteDatabase(self.folder / "rebuilt.db")
        syncline.run("replay", "way", "--into", rebuilt.url)
        oracle.assert_equal(oracle.Table(source, "items", columns), oracle.Table(rebuilt, "items", columns))
        self.assertGreater(log.stat(syncline, "source")["begin"], 0, "the log was not folded")
        lines = [json.loads(line) for line in (self.folder / "out.jsonl").read_text(encoding="utf-8").splitlines()]
        last = {}
        for line in lines:
            if line["op"] != "mark":
                last[line["key"]["id"]] = None if line["op"] == "delete" else line["row"]["v"]
        rows = dict(source.rows("SELECT id, v FROM items"))
        self.assertEqual({key: v for key, v in last.items() if v is not None}, rows)

    def test_ids_beyond_the_end_of_32_bits(self):
        """Rows written before, and frozen ones, cost reads. Fails when ids are compared as they stand."""
        with Cluster() as cluster:
            for database in "postgres", "template1":
                cluster.execute(database, "VACUUM FREEZE")
            cluster.stop()
            data = f"{cluster.folder}/data"
            cluster.program("pg_resetwal", "-f", "-D", data, "-e", "6", "-x", str(2**32 - 2000))
            segment = pathlib.Path(data) / "pg_xact" / "0FFF"
            segment.write_bytes(bytes(256 * 1024))
            segment.chmod(0o666)
            cluster.start()
            source, target = PostgresDatabase(cluster, "source"), SqliteDatabase(self.folder / "target.db")
            source.execute("CREATE TABLE items(id int PRIMARY KEY, v int, payload text);"
                           "INSERT INTO items SELECT g, 0 FROM generate_series(1, 100) g")
            syncline = self.syncline(source, {"copy": target}, {"public.items": {}})
            with contextlib.closing(source.connect()) as late, late.cursor() as cursor:
                cursor.execute("UPDATE items SET v = 1 WHERE id = 1")
                syncline.run("run", "--once")
                for number in range(2500):
                    cursor.execute("SAVEPOINT s; UPDATE items SET v = v + 1 WHERE id = 2; RELEASE s")
                    if number % 1000 == 0:
                        source.execute(f"UPDATE items SET v = v + 1 WHERE id = {number // 1000 + 10}")
                        syncline.run("run", "--once")
                source.execute("UPDATE items SET v = v + 1 WHERE id = 4")
                source.execute("VACUUM FREEZE items")
                late.commit()
            current = next(iter(source.rows("SELECT pg_current_xact_id()::text::bigint")))[0]
            self.assertGreater(current, 7 * 2**32, "the ids have not gone past the end of 32 bits")
            syncline.run("run", "--once")
            oracle.assert_equal(oracle.Table(source, "items", COLUMNS), oracle.Table(target, "items", COLUMNS))
            syncline.run("verify")


if __name__ == "__main__":
    unittest.main(verbosity=2)
