"""Memory, threads and files that the system does not give: a told error with a hint and exit code 3, never a signal, and never a
process that hangs; the next run that has room is exact."""

import os
import shutil
import unittest

from support import items
from support.databases import PostgresDatabase, SqliteDatabase
from support.oracle import Table, differences
from support.postgres import Cluster
from support.syncline import BINARY, Syncline, SystemTest

# Nobody else's: RLIMIT_NPROC counts all that a user runs. And it does not bind root.
USER = 54_321
COMMANDS = (("run", "--once"), ("check",), ("log", "verify"))
MIB = 1 << 20


class LimitsTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("only root can run the program as another user")
        self.source = PostgresDatabase(self.cluster, "shop")
        items.create(self.source)
        items.load(self.source, 1, 2_000)
        self.target = SqliteDatabase(self.folder / "mirror.db")
        self.syncline = Syncline(
            self.folder,
            {
                "log": "./log",
                "databases": {"shop": self.source.url, "mirror": self.target.url},
                "defaults": {"every": "20ms", "cursor": "updated_at"},
                "pipelines": {"way": {"from": "shop", "to": "mirror", "tables": {"public.items": {}}}},
            },
        )
        # As whoever runs the tests the binary may lie where others cannot look.
        self.binary = f"{self.folder}/syncline"
        shutil.copy(BINARY, self.binary)
        for path in (self.folder, *self.folder.iterdir()):
            os.chown(path, USER, USER)

    def limited(self, limit, *arguments):
        return self.syncline.run(
            limit, self.binary, *arguments, expect=None, timeout=60, user=USER, binary="/usr/bin/prlimit"
        )

    def sweep(self, limits):
        """Runs all commands under each limit, with work to do; what became of them."""
        told = set()
        rows = 2_000
        for limit in limits:
            if self.limited(limit, "--version").code != 0:
                continue  # not even the system's loader gets along
            rows += items.change(self.source, rows, 50, seed=limit)
            for command in COMMANDS:
                result = self.limited(limit, *command)
                with self.subTest(limit, command=command[0]):
                    self.assertIn(result.code, (0, 3), f"{limit}: {result.stdout}{result.stderr}")
                    if result.code == 3 and command[0] != "check":
                        self.assertIn("error: ", result.stderr)
                        self.assertIn("hint: ", result.stderr)
                told.add((command[0], result.code))
        self.syncline.run("run", "--once", user=USER, binary=self.binary)
        self.syncline.run("log", "verify", user=USER, binary=self.binary)
        same = differences(
            Table(self.source, "items", items.COLUMNS), Table(self.target, "items", items.COLUMNS)
        )
        self.assertEqual(same, [])
        # Otherwise the limits have tested nothing.
        self.assertIn(("run", 0), told)
        self.assertIn(("run", 3), told)

    def test_memory_that_is_not_given(self):
        # Seen to fail on a build without last resorts: aborted (SIGABRT) under most of these.
        self.sweep(f"--as={size * MIB}" for size in (*range(40, 200, 9), *range(200, 700, 40), 4_000))

    def test_threads_that_cannot_be_started(self):
        # Seen to fail on a build that takes threads for granted: aborted, or stood still for ever.
        self.sweep(f"--nproc={count}" for count in (*range(1, 16), 200))

    def test_files_that_may_not_grow(self):
        # Seen to fail on a build that leaves SIGXFSZ as it is: ended by it.
        self.sweep(f"--fsize={size}" for size in (4_096, 30_000, 300_000, 100 * MIB))

    def test_files_that_cannot_be_opened(self):
        # Seen to fail on a build that takes descriptors for granted: aborted, or stood still for ever.
        self.sweep(f"--nofile={count}" for count in (*range(3, 40, 2), *range(40, 60, 5), 1_000))


if __name__ == "__main__":
    unittest.main()
