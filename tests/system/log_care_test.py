"""What is done to a log while others use it: backup, verify and repair, with the real program.

Fails when a backup lacks what was acknowledged before it began, when a repair is not refused while capture runs, when an apply that runs
does not follow a repaired log, and when a target that holds what the log has lost goes on.
"""

import shutil
import sqlite3
import unittest

from support import items, oracle
from support.databases import SqliteDatabase, one
from support.settings import SEED
from support.syncline import Syncline, SystemTest
from support.waiting import eventually

ROWS = 6_000


class LogCareTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.source = SqliteDatabase(self.folder / "source.db")
        self.target = SqliteDatabase(self.folder / "target.db")
        items.create(self.source)
        items.load(self.source, 1, ROWS, SEED)
        self.rows = ROWS
        self.syncline = Syncline(
            self.folder,
            {
                "log": "./log",
                "databases": {"shop": self.source.url, "mirror": self.target.url},
                "defaults": {"every": "5ms", "cursor": "updated_at"},
                "pipelines": {"way": {"from": "shop", "to": "mirror", "tables": {"items": {}}}},
            },
        )
        self.log = self.folder / "log" / "shop"

    def change(self, seed):
        self.rows += items.change(self.source, self.rows, 20, f"{SEED}/{seed}")

    def frames(self):
        """Where each frame ends."""
        ends = {}
        for change in self.syncline.run("log", "cat", "--json").json_lines():
            ends[change["frame"]] = change["offset"] + 1
        return sorted(ends.values())

    def end(self):
        return self.syncline.run("log", "stat", "--json").json()["end"]

    def assert_equal(self):
        oracle.assert_equal(
            oracle.Table(self.source, "items", items.COLUMNS), oracle.Table(self.target, "items", items.COLUMNS)
        )

    def in_step(self):
        try:
            return one(self.target, "SELECT sum(version) FROM items") == one(self.source, "SELECT sum(version) FROM items")
        except sqlite3.OperationalError:
            return False

    def test_a_backup_of_a_running_capture_is_a_log(self):
        with self.syncline.start("run") as run:
            eventually(self.in_step, "the first copy")
            for number in range(3):
                self.change(number)
                before = self.end()
                told = self.syncline.run("log", "backup", f"backup-{number}", "--json").json()
                self.assertGreaterEqual(told["next"], before)
                self.syncline.run("log", "backup", f"backup-{number}", expect=2)  # never over another
            self.syncline.run("log", "verify")
            self.change("last")
            eventually(self.in_step, "the last change")
            # A killed writer leaves its socket; without a writer the command does it itself.
            run.kill()
        self.assertTrue((self.log / "control").exists())
        self.syncline.run("log", "backup", "shop", str(self.folder / "backup-last"))
        everything = self.syncline.run("log", "cat", "--json").stdout
        for name in ("backup-0", "backup-last"):
            shutil.rmtree(self.log)
            shutil.copytree(self.folder / name, self.log)
            self.syncline.run("log", "verify")
            kept = self.syncline.run("log", "cat", "--json").stdout
            self.assertTrue(everything.startswith(kept))
            if name == "backup-0":  # the target is ahead
                self.assertLess(len(kept), len(everything))
                self.syncline.run("apply", "--once", expect=4)
        self.syncline.run("run", "--once")
        self.assert_equal()

    def test_a_running_apply_follows_a_repair_behind_it(self):
        self.syncline.run("run", "--once")
        with self.syncline.start("apply") as apply:
            eventually(self.in_step, "the first copy")
            with self.syncline.start("capture") as capture:
                self.change("before")
                eventually(self.in_step, "a change")
                self.assertIn(f"process {capture.pid}", self.repair(self.end(), expect=3).stderr)
                capture.terminate()
            self.repair(self.end())
            with self.syncline.start("capture") as capture:
                self.change("after")
                eventually(self.in_step, "a change in the new epoch")
                capture.terminate()
            apply.terminate()
        self.assert_equal()
        row = self.syncline.run("offsets", "show", "--json").json()["pipelines"][0]
        self.assertEqual((row["epoch"], row["next_offset"]), (2, self.end()))

    def test_a_running_apply_stops_when_its_target_has_what_the_log_lost(self):
        self.syncline.run("run", "--once")
        with self.syncline.start("apply") as apply:
            eventually(self.in_step, "the first copy")
            ends = self.frames()
            self.repair(ends[-2] - 1, expect=2)  # inside a frame
            self.repair(ends[-2])
            stopped = apply.wait(expect=4)
        self.assertIn(f"cut at offset {ends[-2]}", stopped.stderr)
        self.assertIn("syncline replay", stopped.stderr)
        self.assertEqual(self.syncline.run("status", "--json", expect=None).json()["pipelines"][0]["state"], "failed")
        self.syncline.run("capture", "--once")
        self.syncline.run("apply", "--once", expect=4)
        self.syncline.run("replay", "way", "--into", "sqlite:rebuilt.db")
        rebuilt = SqliteDatabase(self.folder / "rebuilt.db")
        oracle.assert_equal(
            oracle.Table(self.source, "items", items.COLUMNS), oracle.Table(rebuilt, "items", items.COLUMNS)
        )
        self.syncline.run("offsets", "set", "way", "0")  # who knows better says so
        self.syncline.run("apply", "--once")
        self.assert_equal()

    def repair(self, offset, expect=0):
        return self.syncline.run("log", "repair", "--truncate-at", str(offset), expect=expect)


if __name__ == "__main__":
    unittest.main()
