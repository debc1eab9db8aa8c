"""What the commands do and print: the demo, the way from `init` to `run`, the JSON forms, signals, `replay`."""

import datetime
import time
import unittest

from support import items, log, oracle
from support.databases import PostgresDatabase, SqliteDatabase, one
from support.postgres import Cluster
from support.settings import SEED
from support.syncline import Syncline, SystemTest
from support.waiting import eventually
from support.writers import Writers, item_writers


class ProgramTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def shop(self, rows=1_000):
        """A PostgreSQL source with `rows` items, a SQLite target, and a configuration of both."""
        source, target = PostgresDatabase(self.cluster, "shop"), SqliteDatabase(self.folder / "mirror.db")
        items.create(source)
        items.load(source, 1, rows, SEED)
        configuration = {
            "log": "./log",
            "databases": {"shop": source.url, "mirror": target.url},
            "defaults": {"every": "20ms"},
            "pipelines": {"way": {"from": "shop", "to": "mirror", "tables": {"public.*": {"cursor": "updated_at"}}}},
        }
        return source, target, Syncline(self.folder, configuration)

    def assert_equal(self, source, target):
        oracle.assert_equal(
            oracle.Table(source, "items", items.COLUMNS), oracle.Table(target, "items", items.COLUMNS)
        )

    def test_the_demo_ends_with_two_equal_databases(self):
        result = Syncline(self.folder).run("demo", "--seconds", "1", "--dir", "demo")
        self.assertIn("equal", result.stdout)

    def test_from_init_to_the_first_run(self):
        source, target, _ = self.shop()
        (self.folder / "syncline.yaml").unlink()
        syncline = Syncline(self.folder)
        syncline.run("init", source.url, "--to", target.url)
        syncline.run("init", source.url, expect=2)  # never over a file that is there
        syncline.run("check")
        syncline.run("run", "--once")
        self.assert_equal(source, target)
        self.assertTrue(all(check["result"] != "fail" for check in syncline.run("check", "--json").json()["checks"]))

    def test_a_second_run_finds_nothing_to_do(self):
        _, _, syncline = self.shop()
        syncline.run("run", "--once")
        before = log.stat(syncline, "shop")
        syncline.run("run", "--once")
        after = log.stat(syncline, "shop")
        for name in ("end", "frames", "cuts", "last_written_at"):
            self.assertEqual(after[name], before[name])

    def test_sigterm_finishes_the_batch_and_exits_0(self):
        source, target, syncline = self.shop(20_000)
        with Writers(item_writers(source, 20_000, SEED)), syncline.start("run") as process:
            eventually(lambda: (self.folder / "log").exists(), "the log")
            process.terminate()
        syncline.run("run", "--once")
        self.assert_equal(source, target)

    def test_capture_and_apply_share_a_log_at_the_same_time(self):
        source, target, syncline = self.shop(5_000)
        with syncline.start("apply") as apply, syncline.start("capture") as capture:
            with Writers(item_writers(source, 5_000, SEED)):
                time.sleep(1)
            version = one(source, "SELECT sum(version) FROM items")
            eventually(
                lambda: list(target.rows("SELECT 1 FROM sqlite_master WHERE name = 'items'"))
                and one(target, "SELECT sum(version) FROM items") == version,
                "the last change to arrive",
            )
            self.assertTrue(apply.is_running() and capture.is_running())
            capture.terminate()
            apply.terminate()
        self.assert_equal(source, target)

    def test_status_and_offsets_tell_where_everything_stands(self):
        _, _, syncline = self.shop(1_000)
        syncline.run("capture", "--once")
        (status,) = syncline.run("status", "--json").json()["pipelines"]
        end = log.stat(syncline, "shop")["end"]
        self.assertGreaterEqual(end, 1_000)
        self.assertEqual((status["pipeline"], status["log_end"], status["lag_changes"]), ("way", end, end))
        self.assertEqual(syncline.run("status", "--max-lag", "0s", expect=1).code, 1)
        syncline.run("apply", "--once")
        (status,) = syncline.run("status", "--json").json()["pipelines"]
        self.assertEqual((status["next_offset"], status["lag_changes"]), (end, 0))
        # Against the source: what came after the last poll is not known to be nothing.
        syncline.run("status", "--max-lag", "0s", expect=1)
        syncline.run("status", "--max-lag", "1h")
        (row,) = syncline.run("offsets", "show", "--json").json()["pipelines"]
        self.assertEqual((row["pipeline"], row["next_offset"]), ("way", end))

    def test_setting_an_offset_back_applies_again_and_changes_nothing(self):
        source, target, syncline = self.shop(1_000)
        syncline.run("run", "--once")
        items.change(source, 1_000, 300, SEED)
        syncline.run("run", "--once")
        syncline.run("offsets", "set", "way", "0")
        syncline.run("apply", "--once")
        self.assert_equal(source, target)
        syncline.run("offsets", "set", "way", "999999", expect=2)

    def test_the_log_tells_a_rows_history(self):
        source, _, syncline = self.shop(100)
        syncline.run("run", "--once")
        end = log.stat(syncline, "shop")["end"]
        source.execute("UPDATE items SET name = 'new', version = 2, updated_at = now() WHERE id = 7")
        syncline.run("run", "--once")
        history = list(log.changes(syncline, "shop", "--key", "7"))
        self.assertEqual([change.row["version"] for change in history], [1, 2])
        self.assertEqual(history[1].row["name"], "new")
        self.assertEqual(history[1].offset, end)
        self.assertIsNone(history[0].previous)
        self.assertEqual(history[1].previous, history[0].version)

    def test_replay_rebuilds_a_target_as_it_was_at_an_offset_and_at_a_time(self):
        source, target, syncline = self.shop(500)
        syncline.run("run", "--once")
        end = log.stat(syncline, "shop")["end"]
        first = {row[0]: row for row in oracle.Table(source, "items", items.COLUMNS).rows()}
        moment = datetime.datetime.now(datetime.timezone.utc).isoformat()
        items.change(source, 500, 200, SEED)
        syncline.run("run", "--once")
        syncline.run("replay", "way", "--into", "sqlite:all.db")
        self.assert_equal(source, SqliteDatabase(self.folder / "all.db"))
        for name, limit in (("offset", ("--to-offset", str(end))), ("time", ("--to-time", moment))):
            with self.subTest(name):
                syncline.run("replay", "way", "--into", f"sqlite:{name}.db", *limit)
                rebuilt = SqliteDatabase(self.folder / f"{name}.db")
                found = {row[0]: row for row in oracle.Table(rebuilt, "items", items.COLUMNS).rows()}
                self.assertEqual(found, first)
        self.assert_equal(source, target)


if __name__ == "__main__":
    unittest.main(verbosity=2)
