"""Every way in which a pipeline can be unwell, and what `status`, `--max-lag`, `runs`, `on_error` and `--json` say of it.

A table of expected values: one case a row, no cell empty. On a build whose lag was measured against the log instead of the source
the cases of `run --once`, of a pipeline that was never started, of a chain and of JSON lines were seen to fail.
"""

import contextlib
import dataclasses
import json
import os
import signal
import sqlite3
import unittest

from support.databases import PostgresDatabase
from support.disk import SmallDisk
from support.postgres import PORT, Cluster
from support.stalling import StallingProxy
from support.syncline import Syncline, SystemTest
from support.waiting import eventually

TABLE = "CREATE TABLE items(id INTEGER PRIMARY KEY, name VARCHAR(5), updated_at TIMESTAMP NOT NULL)"
NOW = {"sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now')", "postgres": "localtimestamp"}


@dataclasses.dataclass
class Expected:
    """What is to be seen of the pipeline "way"."""

    state: str  # `status`
    max_lag: int  # exit code of `status --max-lag 2s`
    max_lag_1h: int  # the same with a limit that nothing reaches
    run: str  # state of the last run of `runs`; "none"
    told: list  # what on_error was told: "state kind"
    incident: str  # state and kind of the open incident in `status --json`; "none"
    lag: str  # lag_seconds: "zero", "some", "unknown"
    polled: bool  # whether a last poll is known
    refused: int = 0
    set_aside: int = 0


EXPECTED = {
    "in step": Expected("in step", 0, 0, "Done", [], "none", "zero", True),
    "never started": Expected("not running", 1, 1, "none", [], "none", "unknown", False),
    "once": Expected("in step", 1, 0, "Done", [], "none", "some", True),
    "stopped": Expected("stopped", 1, 1, "Done", [], "none", "some", True),
    "killed": Expected("not running", 1, 1, "Done", [], "none", "some", True),
    "capture killed": Expected("not running", 1, 1, "Done", [], "none", "some", True),
    "apply killed": Expected("not running", 1, 1, "Done", [], "none", "some", True),
    "does not answer": Expected("behind", 1, 0, "Done", [], "none", "some", True),
    "source down": Expected("behind", 1, 0, "Done", [], "trying capture", "some", True),
    "stalled": Expected("failed", 1, 1, "Failed", ["failed capture"], "failed capture", "some", True),
    "target down": Expected("unknown", 3, 3, "InProgress", [], "trying apply", "unknown", True),
    "failed at the start": Expected("failed", 1, 1, "Failed", ["failed capture"], "failed capture", "some", False),
    "failed alone": Expected("failed", 1, 1, "Failed", ["failed apply"], "failed apply", "some", True),
    "table dropped": Expected("failed", 1, 1, "Failed", ["failed capture"], "failed capture", "some", True),
    "rows refused": Expected("refusing", 1, 1, "Done", ["refusing refused"], "refusing refused", "zero", True, 2),
    "rows set aside": Expected("refusing", 1, 1, "Done", ["refusing set-aside"], "refusing set-aside", "zero", True, 0, 2),
    "rows set aside, once": Expected("refusing", 1, 1, "Done", ["refusing set-aside"], "refusing set-aside", "some", True, 0, 2),
    "disk full": Expected("behind", 1, 0, "Done", [], "trying capture", "some", True),
    "paused": Expected("paused", 1, 0, "Done", [], "none", "some", True),
    "loading": Expected("loading", 1, 0, "InProgress", [], "none", "some", False),
    "waiting for its first time": Expected("waiting", 0, 0, "none", [], "none", "zero", False),
}


class HealthTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        super().setUp()
        self.told = self.folder / "told"
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.source = self.folder / "source.db"
        self.execute(TABLE)
        self.insert("one")

    # The databases: SQLite files, unless a server has to go away.

    def execute(self, sql, path=None):
        with contextlib.closing(sqlite3.connect(path or self.source, timeout=30)) as connection:
            connection.execute(sql)
            connection.commit()

    def insert(self, name, path=None):
        self.execute(f"INSERT INTO items(name, updated_at) VALUES ('{name}', {NOW['sqlite']})", path)

    def configure(self, source=None, target=None, others=None, **keys):
        hook = {"command": f'echo "$SYNCLINE_STATE $SYNCLINE_KIND" >> {self.told}'}
        databases = {"source": source or f"sqlite:{self.source}", "target": target or "sqlite:target.db"}
        pipelines = {"way": {"from": "source", "to": "target", "tables": ["items"], "on_error": hook, **keys}}
        for name in others or []:
            self.execute(TABLE, self.folder / f"{name}-source.db")
            databases |= {f"{name}-source": f"sqlite:{name}-source.db", f"{name}-target": f"sqlite:{name}-target.db"}
            pipelines[name] = {"from": f"{name}-source", "to": f"{name}-target", "tables": ["items"]}
        every = {} if "cron" in keys else {"every": "50ms"}
        self.syncline = Syncline(self.folder, {
            "log": "./log", "databases": databases, "defaults": {"cursor": "updated_at", **every},
            "pipelines": pipelines,
        })  # fmt: skip

    def start(self, *arguments):
        return self.stack.enter_context(self.syncline.start(*(arguments or ("run",))))

    # What is seen.

    def status(self, *arguments):
        result = self.syncline.run("status", "way", "--json", *arguments, expect=None)
        (status,) = result.json()["pipelines"]
        return status, result.code

    def runs(self):
        return self.syncline.run("runs", "way", "--json").json()["runs"]

    def until(self, what, condition, timeout=40):
        return eventually(lambda: condition(self.status()[0]), lambda: f"{what}: {self.status()[0]}", timeout, 0.3)

    def hooks(self):
        return self.told.read_text().splitlines() if self.told.exists() else []

    def seen(self):
        status, _ = self.status()
        runs = self.runs()
        incident = status["incident"]
        lag = status["lag_seconds"]
        self.assertEqual(status["last_poll_at"] is None, status["poll_age_seconds"] is None)
        return Expected(
            state=status["state"],
            max_lag=self.status("--max-lag", "2s")[1],
            max_lag_1h=self.status("--max-lag", "1h")[1],
            run=runs[0]["state"] if runs else "none",
            told=self.hooks(),
            incident=f"{incident['state']} {incident['kind']}" if incident else "none",
            lag="unknown" if lag is None else "some" if lag > 1 else "zero",
            polled=status["last_poll_at"] is not None,
            refused=status["refused"],
            set_aside=status["set_aside"],
        )

    def check(self, case):
        expected = EXPECTED[case]
        try:
            eventually(lambda: self.seen() == expected, case, 40, 0.3)
        except AssertionError:
            self.assertEqual(self.seen(), expected, self.syncline.run("status", expect=None).stdout)
        table = self.syncline.run("status", "way", expect=None).stdout
        self.assertIn(f"  {expected.state}", table)
        if expected.incident not in ("none",):
            self.assertIn("hint:", table, "an incident says what to do")

    def settle(self):
        """Until the first copy is there, and its run is over."""
        self.until("the first copy", lambda s: s["state"] == "in step" and s["lag_changes"] == 0)
        eventually(lambda: self.runs() and self.runs()[0]["state"] == "Done", "the run to end", 30, 0.3)

    # The cases.

    def test_in_step(self):
        self.configure()
        self.start()
        self.settle()
        self.check("in step")

    def test_never_started(self):
        self.configure()
        self.check("never started")

    def test_once(self):
        self.configure()
        result = self.syncline.run("run", "--once")
        self.assertRegex(
            result.stdout,
            r"^way items: read \d+, captured 1, written 1, refused 0, newer 0, conflicts 0, seconds \d+\.\d+\n$",
        )
        self.check("once")

    def test_a_log_that_is_gone_or_cannot_be_looked_at_is_no_log_that_is_yet_to_be_made(self):
        """Seen to fail with `in step` and `no log yet`, and exit code 0."""
        self.configure()
        self.syncline.run("run", "--once")
        logs = self.folder / "log"
        (logs / "source").rename(logs / "aside")
        status, code = self.status()
        self.assertEqual((status["state"], code), ("unknown", 3))
        self.assertIn("target is at offset 2 of one", self.syncline.run("status", expect=3).stdout)
        (logs / "aside").rename(logs / "source")
        logs.rename(self.folder / "aside")
        logs.symlink_to("log")
        status, code = self.status()
        self.assertEqual((status["state"], code), ("unknown", 3))
        for command in (["runs"], ["log", "ls"], ["log", "verify"]):
            self.assertIn("symbolic links", self.syncline.run(*command, expect=3).stderr)
        logs.unlink()
        (self.folder / "aside").rename(logs)
        self.check("once")

    def test_stopped(self):
        self.configure()
        process = self.start()
        self.settle()
        process.terminate()
        self.check("stopped")

    def test_killed(self):
        self.configure()
        process = self.start()
        self.settle()
        process.kill()
        self.insert("two")
        self.check("killed")
        self.start()  # and again as if nothing had been
        self.settle()

    def test_capture_killed(self):
        self.configure()
        capture, _ = self.start("capture"), self.start("apply")
        self.settle()
        capture.kill()
        self.check("capture killed")
        self.assertIn("no process does the capture of source", self.syncline.run("status").stdout)

    def test_apply_killed(self):
        self.configure()
        _, apply = self.start("capture"), self.start("apply")
        self.settle()
        apply.kill()
        self.insert("two")
        eventually(lambda: self.runs()[0]["state"] == "Done", "the capture's run to end", 30, 0.3)
        self.check("apply killed")
        self.assertIn("no process does its apply", self.syncline.run("status").stdout)

    def test_a_process_that_does_not_answer(self):
        self.configure()
        process = self.start()
        self.settle()
        os.kill(process.pid, signal.SIGSTOP)
        self.addCleanup(lambda: process.is_running() and os.kill(process.pid, signal.SIGCONT))
        self.check("does not answer")
        os.kill(process.pid, signal.SIGCONT)
        self.until("to be well again", lambda s: s["state"] == "in step")

    def test_source_down(self):
        database = PostgresDatabase(self.cluster, "source")
        database.execute(TABLE)
        database.execute(f"INSERT INTO items VALUES (1, 'one', {NOW['postgres']})")
        self.configure(source=database.url)
        self.start()
        self.settle()
        self.cluster.stop()
        self.check("source down")
        self.cluster.start()
        self.until("to be well again", lambda s: s["state"] == "in step" and s["incident"] is None)
        self.assertEqual(self.hooks(), [], "it was over before anybody had to be told")

    def test_stalled(self):
        """The source holds its connections open and says nothing."""
        database = PostgresDatabase(self.cluster, "stalled")
        database.execute(TABLE)
        database.execute(f"INSERT INTO items VALUES (1, 'one', {NOW['postgres']})")
        with StallingProxy(f"{self.cluster.folder}/.s.PGSQL.{PORT}") as proxy:
            self.configure(
                source=f"postgresql://postgres@127.0.0.1:{proxy.port}/{database.name}", stall="2s", retry_intervals=["50ms"]
            )
            process = self.start()
            self.settle()
            database.execute(f"INSERT INTO items VALUES (2, 'two', {NOW['postgres']})")
            proxy.hold()
            self.check("stalled")
            proxy.release()
            self.until("to be well again", lambda s: s["state"] == "in step" and s["incident"] is None)
            eventually(lambda: self.hooks() == ["failed capture", "recovered capture"], f"the end to be told: {self.hooks()}")
            process.terminate()

    def test_target_down(self):
        database = PostgresDatabase(self.cluster, "target")
        self.configure(target=database.url)
        self.start()
        self.settle()
        self.cluster.stop()
        self.insert("two")
        self.check("target down")
        self.assertEqual(self.syncline.run("status", expect=3).code, 3)
        self.cluster.start()
        self.until("to be well again", lambda s: s["state"] == "in step" and s["incident"] is None)

    def test_failed_at_the_start_while_others_go_on_and_tried_again(self):
        """The source's table is not there yet."""
        self.execute("ALTER TABLE items RENAME TO later")
        self.configure(others=["good"])
        process = self.start()
        self.check("failed at the start")
        self.assertIn("there is no such table", self.runs()[0]["error"])
        self.assertTrue(process.is_running())
        self.execute("ALTER TABLE later RENAME TO items")
        self.settle()
        self.assertEqual(self.hooks(), ["failed capture", "recovered capture"])
        process.terminate()

    def test_failed_alone(self):
        """The target's table cannot take what comes; nothing else goes on, so the program ends."""
        self.execute("CREATE TABLE items(id INTEGER, name TEXT, updated_at TEXT)", self.folder / "target.db")
        self.configure()
        self.start().wait(expect=2)
        self.check("failed alone")
        self.start().wait(expect=2)
        self.check("failed alone")  # and nobody is told a second time
        self.execute("DROP TABLE items", self.folder / "target.db")
        self.start()
        self.settle()
        self.assertEqual(self.hooks(), ["failed apply", "recovered apply"])

    def test_table_dropped(self):
        self.configure(others=["good"])
        process = self.start()
        self.settle()
        self.execute("DROP TABLE items")
        self.check("table dropped")
        self.assertTrue(process.is_running(), "the other one goes on")
        process.terminate(expect=2)
        self.check("table dropped")

    def test_rows_refused(self):
        self.execute(
            "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT CHECK (length(name) < 4), updated_at TEXT)",
            self.folder / "target.db",
        )
        for name in ("too long", "longer"):
            self.insert(name)
        self.configure()
        once = self.syncline.run("run", "--once", expect=1)
        self.assertIn("the target refuses 2 rows: 2 of items (pipeline way)", once.stderr)
        self.assertIn("written 1, refused 2", once.stdout)
        self.start()
        self.check("rows refused")
        self.syncline.run("run", "--once", expect=3)  # the log has one writer
        self.check("rows refused")  # which is not told of the pipeline
        self.execute("UPDATE items SET name = 'ok', updated_at = updated_at || '1' WHERE id > 1")
        self.until("the new states to wait", lambda s: s["lag_changes"] == 0)
        eventually(lambda: self.syncline.run("quarantine", "list", "--json").json()["waiting"] == 2, "them to be parked")
        self.syncline.run("quarantine", "retry", "way", expect=None)
        self.syncline.run("quarantine", "list")
        for parked in self.syncline.run("quarantine", "list", "--json").json()["parked"]:
            self.syncline.run("quarantine", "skip", "way", str(parked["id"]), expect=None)
        self.until("nothing to be refused", lambda s: s["state"] == "in step" and s["refused"] == 0)
        eventually(lambda: len(self.hooks()) == 2, lambda: f"the end to be told: {self.hooks()}")
        self.assertEqual(self.hooks(), ["refusing refused", "recovered refused"])

    def test_rows_set_aside_at_the_source(self):
        """A stamp that is no moment, and a row that is too large. Seen to fail, with "in step", 0, nothing told and `run --once` that
        ends with 0, where only the lines of `status` spoke of such rows; and to name the deleted row until the next session."""
        self.configure(max_row="1MiB")
        process = self.start()
        self.settle()
        self.execute("INSERT INTO items(name, updated_at) VALUES ('bad', 'soon')")
        self.execute(f"INSERT INTO items(name, updated_at) VALUES (hex(zeroblob(600000)), {NOW['sqlite']})")
        self.check("rows set aside")
        self.insert("two")  # what can be captured goes on, and nobody is told again
        eventually(lambda: self.copied("two"), "the others to go on")
        self.check("rows set aside")
        self.assertRegex(self.syncline.run("status").stdout, r"way +source +target +refusing .* 2  \d")
        process.terminate()
        once = self.syncline.run("run", "--once", expect=1)
        self.assertIn("2 rows stay at the source, not captured: 2 of items (pipeline way)", once.stderr)
        self.assertRegex(once.stdout, r"^way items: read \d+, captured 0, .*seconds \d+\.\d+, set aside 2\n$")
        tables = self.syncline.run("run", "--once", "--json", expect=1).json()["pipelines"][0]["tables"]
        self.assertEqual([(table["refused"], table["set_aside"]) for table in tables], [(0, 2)])
        self.check("rows set aside, once")
        self.start()
        # The one with a stamp that is older than what was polled, the other gone: nothing else says so.
        self.execute("UPDATE items SET updated_at = '2020-01-01 00:00:00' WHERE name = 'bad'")
        self.until("one to be captured", lambda s: s["set_aside"] == 1)
        eventually(lambda: self.copied("bad"), "it to be applied")
        self.execute("DELETE FROM items WHERE length(name) > 100")
        self.until("the other to be forgotten", lambda s: s["set_aside"] == 0 and s["incident"] is None)
        self.check_told("refusing set-aside", "recovered set-aside")
        self.assertEqual((self.status()[0]["state"], self.status("--max-lag", "1h")[1]), ("in step", 0))

    def copied(self, name):
        with contextlib.closing(sqlite3.connect(self.folder / "target.db")) as connection:
            return connection.execute("SELECT count(*) FROM items WHERE name = ?", (name,)).fetchone() == (1,)

    def check_told(self, *told):
        eventually(lambda: self.hooks() == list(told), f"what is told: {self.hooks()}")

    def test_rows_set_aside_are_no_matter_of_other_tables(self):
        self.execute("CREATE TABLE other(id INTEGER PRIMARY KEY, updated_at TEXT)")
        self.execute("INSERT INTO other VALUES (1, '2026-01-01 00:00:00')")
        pipelines = {
            name: {"from": "source", "to": f"{name}-target", "tables": tables}
            for name, tables in (("way", ["i*"]), ("good", ["other"]))
        }
        self.syncline = Syncline(self.folder, {
            "log": "./log", "defaults": {"cursor": "updated_at", "every": "50ms"}, "pipelines": pipelines,
            "databases": {"source": f"sqlite:{self.source}"} | {f"{name}-target": f"sqlite:{name}.db" for name in pipelines},
        })  # fmt: skip
        self.syncline.run("run", "--once")
        self.execute("INSERT INTO items(name, updated_at) VALUES ('bad', 'soon')")
        self.syncline.run("run", "--once", expect=1)
        all_of_them = self.syncline.run("status", "--json", expect=None).json()["pipelines"]
        self.assertEqual(
            {one["pipeline"]: (one["state"], one["set_aside"], len(one["unreadable"])) for one in all_of_them},
            {"way": ("refusing", 1, 1), "good": ("in step", 0, 0)},
        )
        self.syncline.run("status", "good", "--max-lag", "1h")

    def test_what_failed_first_is_over_when_something_else_fails(self):
        """The source's table comes late, and then the target cannot take it. Seen to fail, with the capture's error for good and a run
        that is in progress, where an error of one half kept the other half's from ending."""
        self.execute("ALTER TABLE items RENAME TO later")
        self.execute("CREATE TABLE items(id INTEGER, name TEXT, updated_at TEXT)", self.folder / "target.db")
        self.configure(others=["good"])
        process = self.start()
        self.check("failed at the start")
        self.execute("ALTER TABLE later RENAME TO items")
        self.until("the apply to have failed", lambda s: s["incident"] and s["incident"]["kind"] == "apply")
        eventually(lambda: sorted(self.hooks()) == ["failed apply", "failed capture", "recovered capture"], f"{self.hooks()}")
        status, _ = self.status("--max-lag", "1h")
        eventually(lambda: self.runs()[0]["error"] == status["incident"]["error"], f"the run to say why: {self.runs()[0]}")
        self.assertEqual((self.runs()[0]["state"], status["state"]), ("Failed", "failed"))
        text = self.syncline.run("status", "way", expect=None).stdout
        self.assertNotIn("no such table", text)
        self.assertNotIn("synced 0 rows", text)
        process.terminate(expect=2)

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to mount a small file system")
    def test_disk_full(self):
        (self.folder / "log").mkdir()
        disk = SmallDisk(self.folder / "log" / "source", 64 << 20)
        self.addCleanup(disk.unmount)
        self.configure()
        self.start()
        self.settle()
        disk.fill()
        # More than RocksDB has reserved.
        self.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO items(name, updated_at)"
            f" SELECT hex(randomblob(5000)), {NOW['sqlite']} FROM n"
        )
        self.check("disk full")

    def test_paused(self):
        self.configure()
        self.start()
        self.settle()
        self.syncline.run("pause", "way")
        self.check("paused")
        self.syncline.run("resume", "way")
        self.until("to be well again", lambda s: s["state"] == "in step")

    def test_loading_and_a_first_load_that_is_stopped(self):
        self.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) INSERT INTO items(name, updated_at)"
            f" SELECT 'n' || i, {NOW['sqlite']} FROM n"
        )
        self.configure(load={"workers": 1, "rate": "1MB/s"})
        process = self.start()
        self.check("loading")
        process.terminate()
        eventually(lambda: self.runs()[0]["state"] == "Cancelled", f"the run to be cancelled: {self.runs()}")

    def test_waiting_for_its_first_time(self):
        self.configure(cron="0 0 1 1 *")
        self.start()
        self.check("waiting for its first time")

    # What is not a matter of one state.

    def test_from_nothing_along_a_chain(self):
        """a to b to c, where b has no table yet."""
        self.syncline = Syncline(self.folder, {
            "log": "./log",
            "databases": {"a": f"sqlite:{self.source}", "b": "sqlite:b.db", "c": "sqlite:c.db"},
            "defaults": {"cursor": "updated_at", "every": "50ms"},
            "pipelines": {
                "ab": {"from": "a", "to": "b", "tables": ["items"]},
                "way": {"from": "b", "to": "c", "tables": ["items"]},
            },
        })  # fmt: skip
        process = self.start()
        self.until("the end of the chain", lambda s: s["state"] == "in step")
        with contextlib.closing(sqlite3.connect(self.folder / "c.db")) as connection:
            self.assertEqual(connection.execute("SELECT name FROM items").fetchall(), [("one",)])
        process.terminate()

    def test_a_poll_that_was_noted_in_the_future_is_not_believed(self):
        self.configure(cron="0 0 1 1 *")
        self.start()
        eventually(lambda: (self.folder / "log" / "source" / "polled").exists(), "the note")
        self.syncline.run("status", "--max-lag", "1h")
        environment = {
            "LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "FAKETIME": "+3d",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip
        self.stack.close()
        self.syncline.run("run", "--once", env=environment)
        status, code = self.status("--max-lag", "1h")
        self.assertEqual((status["last_poll_at"], status["poll_age_seconds"], code), (None, None, 3), status)

    def test_columns_that_cannot_take_what_comes_are_named_by_check_and_stop_the_pipeline(self):
        source, target = (PostgresDatabase(self.cluster, f"types_{side}") for side in ("source", "target"))
        source.execute("CREATE TABLE items(id int PRIMARY KEY, name text, done boolean, updated_at timestamptz DEFAULT now())")
        source.execute("INSERT INTO items SELECT n, 'n' || n, true FROM generate_series(1, 40) n")
        target.execute("CREATE TABLE items(id int PRIMARY KEY, name int, done bigint, updated_at timestamptz)")
        self.configure(source=source.url, target=target.url)
        checked = self.syncline.run("check", expect=2).stdout
        self.assertIn("column name (integer) cannot take what comes, which is text: 40 of the first 40 rows", checked)
        self.assertIn("column done (bigint) cannot take what comes, which is boolean", checked)
        once = self.syncline.run("run", "--once", expect=1)
        self.assertIn("refuses every change", once.stderr)
        self.assertEqual((self.status()[0]["state"], self.status("--max-lag", "1h")[1]), ("failed", 1))
        self.assertEqual(self.hooks(), ["failed apply"])
        target.execute("ALTER TABLE items ALTER name TYPE text, ALTER done TYPE boolean USING done = 1")
        self.assertIn("fits what comes", self.syncline.run("check").stdout)
        self.syncline.run("run", "--once")
        self.assertEqual(self.status()[0]["state"], "in step")
        self.assertEqual(self.hooks(), ["failed apply", "recovered apply"])

    def test_everything_on_stderr_is_json(self):
        self.configure()
        result = self.syncline.run("run", "--once", "--json")
        lines = [json.loads(line) for line in result.stderr.splitlines()]
        started = next(line for line in lines if line["message"] == "capture starts")
        self.assertEqual((started["level"], started["tables"], started["offset"]), ("info", 1, 0))
        self.assertIn("time", started)
        (pipeline,) = result.json()["pipelines"]
        self.assertEqual(
            {key: pipeline["tables"][0][key] for key in ("table", "captured", "written", "refused", "newer", "conflicts")},
            {"table": "items", "captured": 1, "written": 1, "refused": 0, "newer": 0, "conflicts": 0},
        )


if __name__ == "__main__":
    unittest.main(verbosity=2)
