"""Retention: old frames go, their space comes back, and a target can still be rebuilt or caught up, through the base.

Fails when a row that was folded is lost or brought back, when retention passes a consumer that is only slow, when a fold that was
killed leaves a base that is not right.
"""

import contextlib
import pathlib
import random
import time
import unittest

from support import items, log, oracle
from support.databases import SqliteDatabase, one
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest
from support.writers import Writers, item_writers

ROWS = scaled(3_000, 100_000)
KILLS = scaled(6, 100)


class RetentionTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("retention_test")

    def setUp(self):
        super().setUp()
        self.source = SqliteDatabase(self.folder / "source.db")
        items.create(self.source)
        items.load(self.source, 1, ROWS, SEED)
        self.targets = {name: SqliteDatabase(self.folder / f"{name}.db") for name in ("fast", "slow")}
        self.syncline = Syncline(self.folder)
        self.rows = ROWS
        self.seeds = iter(range(SEED, SEED + 1000))

    def configure(self, retain, **more):
        self.syncline.configure(
            {
                "log": "./log",
                **({"retain": retain} if retain else {}),
                "databases": {"source": self.source.url, **{n: t.url for n, t in self.targets.items()}},
                "defaults": {"every": "20ms", "cursor": "updated_at", **more},
                "pipelines": {
                    name: {"from": "source", "to": name, "tables": {"items": {}}} for name in self.targets
                },
            }
        )

    def change(self):
        self.rows += items.change(self.source, self.rows, ROWS // 5, next(self.seeds))

    def assert_same(self, target):
        oracle.assert_equal(
            oracle.Table(self.source, "items", items.COLUMNS), oracle.Table(target, "items", items.COLUMNS)
        )

    def rebuild(self, *options, expect=0):
        rebuilt = SqliteDatabase(self.folder / f"rebuilt-{next(self.seeds)}.db")
        result = self.syncline.run("replay", "fast", "--into", rebuilt.url, *options, expect=expect)
        return rebuilt, result

    def log_bytes(self):
        return sum(f.stat().st_size for f in pathlib.Path(self.folder, "log/source").glob("*.sst"))

    def test_a_target_is_rebuilt_from_the_base_and_the_frames(self):
        self.configure({"size": "1kB"})
        for _ in range(4):
            self.syncline.run("run", "--once")
            self.change()
        self.syncline.run("capture", "--once")  # beyond the base, for the frames to matter
        stat = log.stat(self.syncline, "source")
        self.assertGreater(stat["begin"], ROWS)
        self.assertEqual(stat["base"]["as_of"], stat["begin"])
        rebuilt, _ = self.rebuild()
        self.assert_same(rebuilt)
        self.assertEqual(one(rebuilt, "SELECT next_offset FROM syncline_progress"), stat["end"])
        # Before the base ends there is nothing to go back to, and that is said.
        _, result = self.rebuild("--to-offset", str(stat["begin"] - 1), expect=2)
        self.assertIn(f"only from offset {stat['begin']} on", result.stderr)
        _, result = self.rebuild("--to-time", "2020-01-01T00:00:00Z", expect=2)
        self.assertIn(f"only from offset {stat['begin']} on", result.stderr)
        rebuilt, _ = self.rebuild("--to-offset", str(stat["begin"]))
        self.assertEqual(one(rebuilt, "SELECT count(*) FROM items"), stat["base"]["entries"])

    def test_the_old_waits_for_the_slow_and_the_large_does_not(self):
        self.configure({"for": "1ms"})
        self.syncline.run("run", "--once")
        held = one(self.targets["slow"], "SELECT next_offset FROM syncline_progress")
        for _ in range(3):
            self.change()
            self.syncline.run("run", "fast", "--once")
        stat = log.stat(self.syncline, "source")
        self.assertLessEqual(stat["begin"], held)
        behind = {c["pipeline"]: c["behind"] for c in stat["consumers"]}
        self.assertEqual(behind["fast"], 0)
        self.assertEqual(behind["slow"], stat["end"] - held)

        self.configure({"for": "1ms", "size": "1kB"})
        self.change()
        told = self.syncline.run("run", "fast", "--once").stderr
        self.assertIn("will catch up through the base", told)
        self.assertIn("pipelines=slow", told)
        self.assertGreater(log.stat(self.syncline, "source")["begin"], held)
        told = self.syncline.run("apply", "slow", "--once").stderr
        self.assertIn("catching up through the log's base", told)
        for target in self.targets.values():
            self.assert_same(target)
        self.syncline.run("offsets", "set", "slow", "0")
        self.targets["slow"].execute("DELETE FROM items WHERE id % 3 = 0")
        self.syncline.run("apply", "slow", "--once")
        self.assert_same(self.targets["slow"])

    def test_a_pipeline_that_is_gone_is_forgotten(self):
        self.configure({"for": "1ms"})
        self.syncline.run("run", "--once")
        self.change()
        self.syncline.run("run", "fast", "--once")
        self.syncline.run("offsets", "forget", "slow")
        self.syncline.run("offsets", "forget", "slow", expect=2)
        self.change()
        self.syncline.run("run", "fast", "--once")
        stat = log.stat(self.syncline, "source")
        self.assertEqual([c["pipeline"] for c in stat["consumers"]], ["fast"])
        self.assertGreater(stat["begin"], ROWS)
        self.syncline.run("run", "--once")  # it comes back all the same
        self.assert_same(self.targets["slow"])

    def test_space_comes_back(self):
        self.configure(None)
        self.syncline.run("run", "--once")
        for _ in range(10):
            self.source.execute("UPDATE items SET payload = hex(randomblob(2000)), updated_at = " + self.source.now)
            self.syncline.run("run", "--once")
        before = self.log_bytes()
        self.configure({"size": "1kB"})
        self.syncline.run("run", "--once")
        self.assertLess(self.log_bytes(), before / 2)
        self.assert_same(self.rebuild()[0])

    def test_folding_is_killed(self):
        self.configure({"size": "20kB"})
        rng = random.Random(SEED)
        with Writers(item_writers(self.source, ROWS, SEED)), contextlib.ExitStack() as stack:
            survivor = stack.enter_context(self.syncline.start("apply"))
            for _ in range(KILLS):
                with self.syncline.start("capture") as process:
                    time.sleep(0.5 + rng.random() * 2)
                    process.kill()
            survivor.terminate()
        self.syncline.run("run", "--once")
        for target in self.targets.values():
            self.assert_same(target)
        self.assertGreater(log.stat(self.syncline, "source")["begin"], 0)
        self.assert_same(self.rebuild()[0])

    def test_a_wrong_configuration_is_said(self):
        for retain, words in (
            ({"for": "a week"}, '"for" must be a duration'),
            ({"size": "20 gigs"}, '"size" must be a size'),
            ({"fore": "7d"}, 'did you mean "for"'),
            ({"for": "1d", "sise": "1GB"}, 'did you mean "size"'),
        ):
            self.configure(retain)
            self.assertIn(words, self.syncline.run("check", expect=2).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
