"""kill -9 at random moments, while users never stop writing: no row lost, none applied twice or wrongly, offsets dense.

One source, a PostgreSQL and a SQLite target. `run` is killed, and `capture` and `apply` as processes of their own, each while the
other goes on. Fails when progress is committed before the rows it stands for, and when a state that is in the log is logged again.
"""

import contextlib
import random
import time
import unittest

from support import items, log, oracle
from support.databases import PostgresDatabase, SqliteDatabase, one
from support.postgres import Cluster
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest
from support.writers import Writers, item_writers

KILLS = scaled(5, 20)
ROWS = scaled(20_000, 200_000)  # enough for the first kills to come in the middle of the initial load
SECONDS_MAX = 1.0  # a killed process has lived up to so long

# Notes every write that reaches the target: the same state of a row twice is one applied twice.
AUDIT = """CREATE TABLE writes(number bigserial, id bigint, version bigint);
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO writes(id, version) VALUES (NEW.id, NEW.version); RETURN NEW; END $$;
  CREATE TRIGGER note AFTER INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION note()"""
WRONG_ORDER = """SELECT count(*) FROM (SELECT version <= lag(version) OVER (PARTITION BY id ORDER BY number) AS wrong
  FROM writes) w WHERE wrong"""


class KillTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("kill_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        super().setUp()
        self.rng = random.Random(f"{SEED}/{self.id()}")

    def test_run_is_killed(self):
        self.kill_under_load(PostgresDatabase(self.cluster, "source"), victim="run")

    def test_run_is_killed_with_sqlite_as_the_source(self):
        self.kill_under_load(SqliteDatabase(self.folder / "source.db"), victim="run")

    def test_capture_is_killed_while_apply_goes_on(self):
        self.kill_under_load(PostgresDatabase(self.cluster, "source"), victim="capture", other="apply")

    def test_apply_is_killed_while_capture_goes_on(self):
        self.kill_under_load(PostgresDatabase(self.cluster, "source"), victim="apply", other="capture")

    def kill_under_load(self, source, victim, other=None):
        targets = PostgresDatabase(self.cluster, "target"), SqliteDatabase(self.folder / "target.db")
        items.create(source)
        items.load(source, 1, ROWS, SEED)
        items.create(targets[0])
        targets[0].execute(AUDIT)
        syncline = Syncline(self.folder, self.configuration(source, targets))
        with Writers(item_writers(source, ROWS, SEED)), contextlib.ExitStack() as stack:
            survivor = stack.enter_context(syncline.start(other)) if other else None
            for _ in range(KILLS):
                with syncline.start(victim) as process:
                    time.sleep(self.rng.random() * SECONDS_MAX)
                    process.kill()
            with syncline.start(victim) as process:
                time.sleep(SECONDS_MAX)
                process.terminate()
            if survivor:
                survivor.terminate()
        syncline.run("run", "--once")
        for target in targets:
            oracle.assert_equal(
                oracle.Table(source, "items", items.COLUMNS), oracle.Table(target, "items", items.COLUMNS)
            )
        self.assertEqual(one(targets[0], WRONG_ORDER), 0, "a state was applied twice, or after a later one")
        self.check_log(syncline, targets)

    def configuration(self, source, targets):
        table = "public.items" if source.dialect == "postgres" else "items"
        return {
            "log": "./log",
            "databases": {"source": source.url, "postgres": targets[0].url, "sqlite": targets[1].url},
            "defaults": {"every": "20ms", "cursor": "updated_at"},
            "pipelines": {
                name: {"from": "source", "to": name, "tables": {table: {"to": "items"}}}
                for name in ("postgres", "sqlite")
            },
        }

    def check_log(self, syncline, targets):
        """Offsets are dense from 0 on, no state is in the log twice, and both targets stand at the end."""
        end, last_version = 0, {}
        for change in log.changes(syncline, "source"):
            self.assertEqual(change.offset, end, "the offsets have a hole")
            end += 1
            if change.op == "upsert":
                key, version = change.row["id"], change.row["version"]
                self.assertGreater(version, last_version.get(key, 0), f"a state of row {key} is logged twice")
                last_version[key] = version
        self.assertGreater(end, ROWS)
        self.assertEqual(log.stat(syncline, "source")["end"], end)
        for target in targets:
            self.assertEqual(one(target, "SELECT next_offset FROM syncline_progress"), end)
        print(f"{self.id().rsplit('.')[-1]}: {KILLS} kills, {end} changes in the log", flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
