"""A standby as the source: exact by `xid8` and by `capture: xmin`, best-effort by time stamps, as `check` says; and a failover, after which nothing is missing.

Fails when a table is polled on a standby from the highest transaction id seen, and when the first poll after a failover reaches back no
further than the last tick: the new primary's rows here are stamped as by a clock that is ten seconds behind.
"""

import contextlib
import unittest

from support import oracle
from support.databases import PostgresDatabase, SqliteDatabase
from support.postgres import Cluster
from support.settings import announce
from support.syncline import Syncline, SystemTest

COLUMNS = {"id": "int", "v": "int", "updated_at": "timestamptz"}
PLAIN = {"id": "int", "v": "int"}


class StandbyTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("standby_test")

    def setUp(self):
        super().setUp()
        self.primary = Cluster(hba="local replication all trust")
        self.addCleanup(self.primary.close)
        source = PostgresDatabase(self.primary, "source")
        source.execute(
            """CREATE TABLE items(id int PRIMARY KEY, v int NOT NULL, updated_at timestamptz NOT NULL DEFAULT now(),
              written xid8 NOT NULL DEFAULT pg_current_xact_id());
            CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS
              'BEGIN NEW.written := pg_current_xact_id(); RETURN NEW; END';
            CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION stamp();
            CREATE INDEX ON items(written); CREATE INDEX ON items(updated_at);
            INSERT INTO items SELECT g, 0 FROM generate_series(1, 100) g"""
        )
        self.source = source
        self.target = SqliteDatabase(self.folder / "target.db")

    def syncline(self, cluster, cursor, user="postgres", more=None):
        return Syncline(self.folder, {
            "log": "./log",
            "databases": {"source": cluster.url("source", user), "target": self.target.url},
            "defaults": {"cursor": cursor},
            "pipelines": {"p": {"from": "source", "to": "target", "tables": {"public.items": {}, **(more or {})}}},
        })  # fmt: skip

    def assert_equal(self, database):
        oracle.assert_equal(oracle.Table(database, "items", COLUMNS), oracle.Table(self.target, "items", COLUMNS))

    def test_a_standby_is_captured_exactly_by_transaction_ids(self):
        standby = self.primary.standby()
        self.addCleanup(standby.close)
        self.source.execute(
            "CREATE TABLE plain(id int PRIMARY KEY, v int); INSERT INTO plain SELECT g, 0 FROM generate_series(1, 100) g"
        )
        standby.caught_up()
        syncline = self.syncline(standby, "written", more={"public.plain": {"capture": "xmin"}})
        check = syncline.run("check", expect=None).stdout
        self.assertIn("public.items: exact: every insert and update sets it to the transaction's id", check)
        self.assertIn("public.plain: exact: each row has the id of the transaction that wrote it", check)
        syncline.run("run", "--once")
        update = (
            "UPDATE plain SET v = v + 1 WHERE id {0};"
            "UPDATE items SET v = v + 1, updated_at = now(), written = DEFAULT WHERE id {0}"
        )
        with contextlib.closing(self.source.connect()) as late, late.cursor() as cursor:
            cursor.execute(update.format("<= 10"))
            self.source.execute(update.format("BETWEEN 11 AND 20"))
            standby.caught_up()
            syncline.run("run", "--once")
            late.commit()
        standby.caught_up()
        syncline.run("run", "--once")
        followed = PostgresDatabase(standby, "source", create=False)
        self.assert_equal(followed)
        oracle.assert_equal(oracle.Table(followed, "plain", PLAIN), oracle.Table(self.target, "plain", PLAIN))

    def test_a_crash_that_takes_commits_back_is_followed(self):
        """Fails, with the target at states that the source has lost, when nobody notices the crash."""
        crashing = Cluster(synchronous_commit="off", wal_writer_delay="10s", checkpoint_timeout="1h")
        self.addCleanup(crashing.close)
        source = PostgresDatabase(crashing, "source")
        source.execute(
            """CREATE TABLE items(id int PRIMARY KEY, v int NOT NULL, updated_at timestamptz NOT NULL);
            INSERT INTO items SELECT g, 0, now() - interval '1 hour' FROM generate_series(1, 5) g"""
        )
        syncline = self.syncline(crashing, "updated_at")
        syncline.run("run", "--once")
        source.execute("CHECKPOINT")
        with contextlib.closing(source.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE items SET v = 1, updated_at = now() WHERE id <= 2")
            connection.commit()
            syncline.run("run", "--once")
            crashing.restart(immediate=True)
        syncline.run("run", "--once")
        self.assert_equal(source)

    def test_after_a_failover_everything_is_read_once(self):
        self.fail_over("postgres")

    def test_a_failover_is_noticed_by_a_role_that_may_not_ask_for_the_timeline(self):
        """Fails when the server's statistics do not count, either."""
        self.source.execute(
            """CREATE ROLE reader LOGIN; GRANT SELECT ON items TO reader;
            REVOKE EXECUTE ON FUNCTION pg_walfile_name(pg_lsn), pg_control_checkpoint() FROM PUBLIC"""
        )
        self.fail_over("reader")

    def fail_over(self, user):
        standby = self.primary.standby()
        self.addCleanup(standby.close)
        self.syncline(self.primary, "updated_at", user).run("run", "--once")
        self.source.execute("UPDATE items SET v = 1, updated_at = now() WHERE id <= 10")
        standby.caught_up()
        self.primary.stop(immediate=True)
        standby.promote()
        promoted = PostgresDatabase(standby, "source", create=False)
        promoted.execute("UPDATE items SET v = 2, updated_at = now() - interval '10 s' WHERE id BETWEEN 5 AND 50")
        syncline = self.syncline(standby, "updated_at", user)
        syncline.run("run", "--once")
        self.assert_equal(promoted)
        promoted.execute("UPDATE items SET v = 3, updated_at = now() WHERE id = 100")
        syncline.run("run", "--once")
        self.assert_equal(promoted)


if __name__ == "__main__":
    unittest.main(verbosity=2)
