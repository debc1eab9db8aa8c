"""The machine loses its power: capture, apply to SQLite, retention, backup, repair and two directions, cut at random moments.

A run is traced once; each cut then makes the folder that could have been left and goes on from there. Always: the log opens and is
whole, no target is ahead of it, the next run ends with both sides equal, and a backup that was reported is a log. Seen to fail
when Append does not sync, when SQLite files without WAL are written with
synchronous = FULL, and when a reader takes a torn record behind the mark for damage.
"""

import contextlib
import random
import shutil
import sqlite3
import unittest

from support import log
from support.power import Trace, traced
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest
from support.waiting import eventually

CUTS = scaled(12, 200)  # of each trace

MARK_BEGIN = 32  # where the durable mark says at which offset the log begins

ONE_WAY = """\
log: ./log
retain: {%s}
databases: {shop: "sqlite:%s/shop.db", mirror: "sqlite:mirror.db"}
defaults: {every: 20ms, cursor: updated_at, deletes: tombstones}
pipelines: {p: {from: shop, to: mirror, tables: {items: {}, notes: {}}}}
"""
TWO_WAY = """\
log: ./log
databases: {office: "sqlite:office.db", van: "sqlite:van.db"}
defaults: {every: 20ms, cursor: updated_at, deletes: tombstones}
pipelines: {stock: {between: [office, van], tables: {items: {}, notes: {}}}}
"""
TABLES = """
CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, updated_at TEXT NOT NULL);
CREATE TABLE notes (id INTEGER PRIMARY KEY, name TEXT, updated_at TEXT NOT NULL);
"""
NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now')"


@contextlib.contextmanager
def database(path, mode="rw"):
    """Does not make a file that is not there: the program under test would find it."""
    connection = sqlite3.connect(f"file:{path}?mode={mode}", uri=True, timeout=60)
    try:
        yield connection
        connection.commit()
    finally:
        connection.close()


def rows(path):
    with database(path) as connection:
        return [connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall() for table in ("items", "notes")]


def fill(path, ids, what):
    with database(path, "rwc") as connection:
        connection.executescript(TABLES)
        for table in ("items", "notes"):
            connection.executemany(
                f"INSERT INTO {table} VALUES (?, ?, {NOW})", ((number, f"{what} {number} " + "x" * 200) for number in ids)
            )


def change(path, rng, what):
    """A user's transaction over both tables."""
    with database(path) as connection:
        for table in ("items", "notes"):
            for number in rng.sample(range(1, 200), 5):
                connection.execute(f"UPDATE {table} SET name = ?, updated_at = {NOW} WHERE id = ?", (what, number))
            connection.execute(f"INSERT INTO {table} (name, updated_at) VALUES (?, {NOW})", (what,))
            connection.execute(f"DELETE FROM {table} WHERE id = ?", (rng.randint(1, 400),))


class PowerTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("power_test")

    def setUp(self):
        super().setUp()
        self.rng = random.Random(f"{SEED}/{self.id()}")
        self.disk = self.folder / "disk"  # loses its power
        self.source = self.folder / "source"  # stands elsewhere
        self.source.mkdir()

    def one_way(self):
        fill(self.source / "shop.db", range(1, 301), "new")
        syncline = Syncline(self.disk, ONE_WAY % ("for: 3650d", self.source))
        syncline.run("prepare", "--apply")
        return syncline

    def trace(self, syncline, *command, meanwhile=None):
        """Runs a command to its end while its calls are written down."""
        before, trace = self.folder / "before", self.folder / "trace"
        shutil.rmtree(before, ignore_errors=True)
        trace.unlink(missing_ok=True)
        shutil.copytree(self.disk, before)
        with syncline.start(*command, env=traced(self.disk, trace)) as process:
            if meanwhile:
                meanwhile(process)
                process.terminate()
            process.wait()
        return Trace(before, trace)

    def cut(self, trace, is_well):
        """Has the program go on in folders that power cuts have left, at random moments."""
        self.assertGreater(len(trace.calls), 50)
        # What goes for good is the riskiest moment of all, so every third cut comes right behind one of those.
        unlinks = [place for place, call in enumerate(trace.calls) if call.kind == "u"]
        for number in range(CUTS):
            moment = self.rng.choice(unlinks) + 1 if number % 3 == 0 and unlinks else self.rng.randint(1, len(trace.calls))
            shutil.rmtree(self.disk)
            trace.cut(moment, random.Random(f"{SEED}/{self.id()}/{number}"), self.disk)
            with self.subTest(cut=number, moment=moment, of=len(trace.calls)):
                is_well(Syncline(self.disk))

    def is_well(self, syncline):
        """It goes on by itself, both sides end equal, and the log is whole."""
        syncline.run("run", "--once")
        self.assertEqual(rows(self.source / "shop.db"), rows(self.disk / "mirror.db"))
        syncline.run("log", "verify")
        with database(self.disk / "mirror.db") as mirror:
            self.assertEqual(mirror.execute("PRAGMA integrity_check").fetchall(), [("ok",)])

    def work(self, process):
        """Transactions of users; every few are waited for until the target has them, so that frames are many."""
        for number in range(scaled(40, 150)):
            change(self.source / "shop.db", self.rng, f"change {number}")
            if number % 4 == 0:
                eventually(lambda: rows(self.source / "shop.db") == self.mirrored(), "the target to follow")

    def mirrored(self):
        """What the target has, read from a copy: a connection to the file itself would write files that nobody traces."""
        look = self.folder / "look"
        shutil.rmtree(look, ignore_errors=True)
        look.mkdir()
        try:
            for name in ("mirror.db", "mirror.db-wal"):
                shutil.copy(self.disk / name, look / name)
            return rows(look / "mirror.db")
        except (FileNotFoundError, sqlite3.DatabaseError):
            return None  # not made yet, or copied in the middle of a write

    def test_capture_and_apply(self):
        syncline = self.one_way()
        self.cut(self.trace(syncline, "run", meanwhile=self.work), self.is_well)

    def test_retention(self):
        syncline = self.one_way()
        for _ in range(5):  # each start leaves files behind, which can go later
            syncline.run("run", "--once")
            change(self.source / "shop.db", self.rng, "later")
        syncline.configure(ONE_WAY % ("size: 1B", self.source))
        files = set((self.disk / "log/shop").glob("*.sst"))

        def meanwhile(process):
            self.work(process)
            with contextlib.suppress(AssertionError):  # RocksDB drops a file when all of it may go
                eventually(lambda: any(not file.exists() for file in files), "folded frames to go", 10)

        trace = self.trace(syncline, "run", meanwhile=meanwhile)
        self.mark_comes_before_files_go(trace, {f"log/shop/{file.name}" for file in files})

        def is_well(left):
            left.run("log", "verify")  # who only reads comes before the writer
            self.is_well(left)

        self.cut(trace, is_well)

    def mark_comes_before_files_go(self, trace, files):
        """Where the log begins is durable before a file of folded frames is deleted."""
        begin = slice(MARK_BEGIN, MARK_BEGIN + 8)
        marks, written, synced = set(), b"", b""
        for call in trace.calls:
            if call.kind == "o" and call.name == "log/shop/durable":
                marks.add(call.file)
            elif call.kind == "w" and call.file in marks:
                written = call.data[begin]
            elif call.kind == "s" and call.file in marks:
                synced = written
            elif call.kind == "u" and call.name in files:
                self.assertEqual(synced, written)

    def test_a_backup_that_was_reported_is_a_log(self):
        syncline = self.one_way()
        syncline.run("run", "--once")
        change(self.source / "shop.db", self.rng, "later")
        syncline.run("capture", "--once")
        trace = self.trace(syncline, "log", "backup", "backup")
        for number in range(scaled(4, 20)):
            shutil.rmtree(self.disk)
            trace.cut(len(trace.calls), random.Random(f"{SEED}/{number}"), self.disk)
            shutil.rmtree(self.disk / "log/shop")
            (self.disk / "backup").rename(self.disk / "log/shop")
            self.is_well(Syncline(self.disk))

    def test_repair(self):
        syncline = self.one_way()
        for _ in range(3):
            syncline.run("run", "--once")
            change(self.source / "shop.db", self.rng, "later")
        syncline.run("capture", "--once")
        frames = {change.frame for change in log.changes(syncline, "shop")}
        repair = ("log", "repair", "--truncate-at", str(max(frames)))

        def is_well(left):
            left.run(*repair, expect=None)  # again, if it had not got so far
            self.is_well(left)

        self.cut(self.trace(syncline, *repair), is_well)

    def test_two_directions(self):
        syncline = Syncline(self.disk, TWO_WAY)
        fill(self.disk / "office.db", range(1, 200), "office")
        fill(self.disk / "van.db", range(150, 350), "van")
        syncline.run("prepare", "--apply")
        syncline.run("run", "--once")
        for side in ("office", "van"):
            for number in range(20):
                change(self.disk / f"{side}.db", self.rng, f"{side} {number}")

        def is_well(left):
            for _ in range(3):
                left.run("run", "--once")
            self.assertEqual(rows(self.disk / "office.db"), rows(self.disk / "van.db"))
            for side in ("office", "van"):
                left.run("log", "verify", side)

        self.cut(self.trace(syncline, "run", "--once"), is_well)


if __name__ == "__main__":
    unittest.main()
