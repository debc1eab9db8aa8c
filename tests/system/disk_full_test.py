"""The disk that holds the log fills up and gets room again, many times, while users never stop writing.

Capture says that it pauses and why, lives on, and goes on by itself; readers are not disturbed. Afterwards both targets are equal to
the source, offsets dense, the chain unbroken. Fails when a write that failed ends capture, when its frame is taken for written, or written
twice. Needs root, to mount a small file system.
"""

import contextlib
import os
import unittest

from support.databases import PostgresDatabase
from support.disk import SmallDisk
from support.mirrors import Mirrors
from support.postgres import Cluster
from support.settings import announce, scaled
from support.syncline import SystemTest
from support.waiting import eventually

ROUNDS = scaled(2, 20)
ROWS = 5_000
DISK_BYTES = scaled(256, 2048) << 20  # the log only grows
# RocksDB looks for room every 5 s, and capture's own waits grow up to 30 s.
RECOVERY_SECONDS_MAX = 90


@unittest.skipUnless(os.geteuid() == 0, "needs root, to mount a small file system")
class DiskFullTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("disk_full_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        super().setUp()
        self.source = PostgresDatabase(self.cluster, "source")
        self.disk = SmallDisk(self.folder / "log", DISK_BYTES)
        self.addCleanup(self.disk.unmount)

    def bulk_writer(self, stop):
        """Some megabytes that do not compress well, again and again: what RocksDB has reserved is soon used up."""
        noise = " || ".join(["md5(random()::text)"] * 60)
        with contextlib.closing(self.source.connect()) as connection, connection.cursor() as cursor:
            while not stop.wait(0.3):
                cursor.execute(
                    f"UPDATE items SET version = version + 1, updated_at = now(), payload = {noise}"
                    " WHERE id IN (SELECT id FROM items WHERE id <= 2000 ORDER BY id FOR UPDATE)"
                )
                connection.commit()

    def test_capture_pauses_and_goes_on_by_itself(self):
        mirrors = Mirrors(self.folder, self.cluster, self.source, ROWS)
        syncline = mirrors.syncline
        with mirrors.writers(self.bulk_writer), syncline.start("capture") as capture, syncline.start("apply") as apply:
            eventually(lambda: "table loaded" in capture.output(), "the initial load")
            for number in range(ROUNDS):
                self.fill_and_free(syncline, capture, number)
            capture.terminate()
            apply.terminate()
        print(f"{ROUNDS} times full, {mirrors.check()} changes in the log", flush=True)

    def fill_and_free(self, syncline, capture, number):
        def paused():
            self.assertTrue(capture.is_running(), "capture has ended")
            return capture.output().count("the disk is full: make room, then it goes on by itself") > told

        def log_end():
            return syncline.run("status", "--json").json()["pipelines"][0]["log_end"]

        told = capture.output().count("the disk is full")
        self.disk.fill()
        eventually(paused, f"capture to say that the disk is full, in round {number}", RECOVERY_SECONDS_MAX)
        end = log_end()
        self.disk.free()
        eventually(lambda: log_end() > end, f"capture to go on, in round {number}", RECOVERY_SECONDS_MAX, 0.2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
