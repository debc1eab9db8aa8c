"""Pipelines that run by the clock, whatever becomes of the clock; what is noted of runs; pause and resume; hooks.

The engine's clock is set by libfaketime: forward and back by an hour and a day, and through both daylight-saving changes of
Europe/Berlin and America/New_York. No time of a schedule comes twice, none is left out, and no row is missed.

Fails when a time that the clock shows again fires again, when missed times are forgotten, when a capture whose pipelines are all
paused polls, and when a run whose process has died is believed to go on.
"""

import contextlib
import datetime
import functools
import itertools
import json
import os
import pathlib
import sqlite3
import time
import unittest
import zoneinfo

from support.databases import PostgresDatabase, SqliteDatabase, one
from support.postgres import Cluster
from support.syncline import Syncline, SystemTest
from support.waiting import eventually
from support.writers import Writers

# What is asked here starts a process each time.
soon = functools.partial(eventually, interval=0.2)

LIBFAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
UTC = datetime.timezone.utc
SECOND, HOUR, DAY = (datetime.timedelta(**{unit: 1}) for unit in ("seconds", "hours", "days"))

# Zone, the moment of the change, and a time of day that the clock skips, or shows for the second time from then on.
FORWARD = [
    ("Europe/Berlin", datetime.datetime(2026, 3, 29, 1, tzinfo=UTC), "0 30 2 * * *"),
    ("America/New_York", datetime.datetime(2026, 3, 8, 7, tzinfo=UTC), "0 30 2 * * *"),
]
BACK = [
    ("Europe/Berlin", datetime.datetime(2026, 10, 25, 1, tzinfo=UTC), "0 0 2 * * *"),
    ("America/New_York", datetime.datetime(2026, 11, 1, 6, tzinfo=UTC), "0 0 1 * * *"),
]


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class FakeClock:
    """The engine's clock: a file that libfaketime reads each time."""

    def __init__(self, folder):
        self._file = pathlib.Path(folder) / "clock"
        assert os.path.exists(LIBFAKETIME), "the package libfaketime is missing"
        self.environment = {
            "LD_PRELOAD": LIBFAKETIME, "FAKETIME_TIMESTAMP_FILE": str(self._file), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip
        self._ahead = 0
        self.step(datetime.timedelta())

    def step(self, by):
        self._ahead += round(by.total_seconds())
        temporary = self._file.with_suffix(".new")
        temporary.write_text(f"{self._ahead:+d}")
        temporary.replace(self._file)

    def set(self, to):
        self.step(to - self.now())

    def now(self):
        return datetime.datetime.now(UTC) + self._ahead * SECOND


class SchedulesTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.source = SqliteDatabase(self.folder / "source.db")
        self.source.execute("CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, updated_at TEXT NOT NULL)")
        self.source.execute("CREATE INDEX items_updated_at ON items(updated_at)")
        self.insert("first")

    def insert(self, name):
        self.source.execute(f"INSERT INTO items(name, updated_at) VALUES ('{name}', {self.source.now})")

    def writer(self, stop):
        for number in itertools.count():
            if stop.wait(0.1):
                return
            self.insert(f"row {number}")

    def syncline(self, pipelines, **more):
        """`pipelines`: by name of the target, with what else they have."""
        databases = {"source": self.source.url, **{name: f"sqlite:{name}.db" for name in pipelines}}
        return Syncline(self.folder, {
            "log": "./log", "databases": databases, "defaults": {"cursor": "updated_at"},
            "pipelines": {
                name: {"from": "source", "to": name, "tables": ["items"], **keys} for name, keys in pipelines.items()
            },
            **more,
        })  # fmt: skip

    def runs(self, syncline, pipeline, kind="sync"):
        """The oldest first."""
        found = syncline.run("runs", pipeline, "--limit", "1000", "--json").json()["runs"]
        return [run for run in reversed(found) if run["kind"] == kind]

    def rows(self, name):
        with contextlib.closing(sqlite3.connect(self.folder / f"{name}.db")) as connection:
            with contextlib.suppress(sqlite3.OperationalError):  # it may not be there yet
                return sorted(connection.execute("SELECT id, name FROM items"))

    def assert_arrives(self, *names):
        for name in names:
            soon(lambda: self.rows(name) == self.rows("source"), f"all rows in {name}")

    def assert_due_once_each(self, runs, step):
        """All times in a distance of `step`, each in one run, the missed ones counted. Returns them."""
        due = [moment(run["scheduled_for"]) for run in runs]
        self.assertEqual(due, sorted(set(due)), "twice, or out of order")
        for before, run, at in zip(due, runs[1:], due[1:]):
            self.assertEqual(at - before, step * (1 + run["missed"]), f"left out before {at}")
        return due

    def test_through_the_changes_of_daylight_saving_time(self):
        for zone, change, named in FORWARD + BACK:
            with self.subTest(zone=zone, change=change):
                clock = FakeClock(self.folder)
                forward = (zone, change, named) in FORWARD
                local = (change - SECOND).astimezone(zoneinfo.ZoneInfo(zone))
                self.assertNotEqual(local.utcoffset(), change.astimezone(local.tzinfo).utcoffset())
                start = change if forward else change - HOUR
                clock.set(start - 3 * SECOND)
                name = f"{zone[:6].lower()}-{'forward' if forward else 'back'}"
                syncline = self.syncline({
                    f"{name}-each": {"cron": "* * * * * *", "timezone": zone},
                    f"{name}-named": {"cron": named, "timezone": zone},
                })  # fmt: skip
                with Writers([self.writer]), syncline.start("run", env=clock.environment) as process:
                    soon(lambda: clock.now() > start + 2 * SECOND, "the change")
                    if not forward:
                        clock.set(change - 2 * SECOND)
                        soon(lambda: clock.now() > change + 3 * SECOND, "the time to come again")
                    soon(lambda: self.runs(syncline, f"{name}-named"), "the named time")
                    process.terminate()
                due = [moment(run["scheduled_for"]) for run in self.runs(syncline, f"{name}-named")]
                self.assertEqual(due, [start])
                each = self.runs(syncline, f"{name}-each")
                if forward:
                    due = self.assert_due_once_each(each, SECOND)
                else:  # an hour is more than is counted
                    due = [moment(run["scheduled_for"]) for run in each]
                    self.assertEqual(due, sorted(set(due)))
                    after = [run for run in each if moment(run["scheduled_for"]) >= change]
                    self.assert_due_once_each(after, SECOND)
                self.assertIn(change, due, "one for every hour goes on")
                syncline.run("run", "--once")
                self.assert_arrives(f"{name}-each", f"{name}-named")

    def test_clocks_that_are_set_by_an_hour_and_a_day(self):
        clock = FakeClock(self.folder)
        clock.set(datetime.datetime(2026, 6, 1, 11, 59, 57, tzinfo=UTC))
        syncline = self.syncline({"each": {"cron": "* * * * * *"}, "hourly": {"cron": "0 * * * *"}})
        with Writers([self.writer]), syncline.start("run", env=clock.environment) as process:
            soon(lambda: self.runs(syncline, "hourly"), "noon")
            for step in (HOUR, -HOUR, HOUR, DAY, -DAY, DAY):
                before = len(self.runs(syncline, "each"))
                clock.step(step)
                if step > HOUR - HOUR:
                    soon(lambda: len(self.runs(syncline, "each")) > before + 1, "runs after the step")
                else:
                    time.sleep(2)  # nothing is to happen
                    self.assertLessEqual(len(self.runs(syncline, "each")), before + 1)
            process.terminate()
        due = self.assert_due_once_each(self.runs(syncline, "hourly"), HOUR)
        self.assertEqual((due[0], due[-1]), (
            datetime.datetime(2026, 6, 1, 12, tzinfo=UTC), datetime.datetime(2026, 6, 2, 13, tzinfo=UTC)))  # fmt: skip
        seconds = [moment(run["scheduled_for"]) for run in self.runs(syncline, "each")]
        self.assertEqual(seconds, sorted(set(seconds)))
        syncline.run("run", "--once")
        self.assert_arrives("each", "hourly")

    def test_what_was_missed_while_it_was_down_is_made_up_once(self):
        clock = FakeClock(self.folder)
        clock.set(datetime.datetime(2026, 6, 1, 11, 59, 58, tzinfo=UTC))
        syncline = self.syncline({"hourly": {"cron": "0 * * * *", "timezone": "Europe/Berlin"}})
        for hours in (0, 5):
            clock.step(hours * HOUR)
            with syncline.start("run", env=clock.environment) as process:
                soon(lambda: len(self.runs(syncline, "hourly")) == (2 if hours else 1), "the run")
                process.terminate()
        self.assertEqual([run["missed"] for run in self.runs(syncline, "hourly")], [0, 4])

    def test_capture_and_apply_by_the_clock_as_processes_of_their_own(self):
        syncline = self.syncline({"target": {"cron": "* * * * * *"}})
        with Writers([self.writer]), syncline.start("capture") as capture, syncline.start("apply") as apply:
            soon(lambda: len(self.runs(syncline, "target", "apply")) > 2, "runs of apply")
            soon(lambda: len(self.runs(syncline, "target", "capture")) > 2, "runs of capture")
            self.assertTrue(capture.is_running() and apply.is_running())
            apply.terminate()
            capture.terminate()
        syncline.run("run", "--once")
        self.assert_arrives("target")

    def test_pause_and_resume(self):
        syncline = self.syncline({"a": {"every": "20ms"}, "b": {"every": "20ms"}})
        with syncline.start("run") as process:
            self.assert_arrives("a", "b")
            syncline.run("pause", "a")
            soon(lambda: "paused pipeline=a" in process.output(), "the pause of a")
            self.insert("while a is paused")
            self.assert_arrives("b")
            self.assertNotEqual(self.rows("a"), self.rows("source"))
            self.assertEqual(self.state(syncline, "a"), "Paused")
            syncline.run("pause", "b")
            soon(lambda: "paused pipeline=b" in process.output(), "the pause of b")
            end = self.log_end(syncline)
            self.insert("while both are paused")
            time.sleep(1)  # nothing is to happen
            self.assertEqual(self.log_end(syncline), end, "the source was polled")
            syncline.run("resume", "a")
            self.assert_arrives("a")
            self.assertNotEqual(self.rows("b"), self.rows("source"))
            syncline.run("resume", "b")
            self.assert_arrives("b")
            process.terminate()
        syncline.run("pause", "b")
        self.insert("later")
        syncline.run("run", "--once")
        self.assert_arrives("a")
        self.assertNotEqual(self.rows("b"), self.rows("source"))
        self.assertEqual(self.runs(syncline, "b")[-1]["state"], "Skipped")
        syncline.run("pause", "nobody", expect=2)

    def state(self, syncline, pipeline):
        (status,) = syncline.run("status", pipeline, "--json").json()["pipelines"]
        return status["run_state"]

    def log_end(self, syncline):
        return syncline.run("log", "ls", "--json").json()["logs"][0]["end"]

    def test_a_run_whose_process_dies_is_failed(self):
        syncline = self.syncline({"target": {"cron": "* * * * * *"}})
        with syncline.start("run", env={"SYNCLINE_CRASH_AT": "apply.before_begin"}) as process:
            soon(lambda: not process.is_running(), "the crash")
        (run,) = self.runs(syncline, "target")
        self.assertEqual((run["state"], run["error"]), ("Failed", "the process ended before the run did"))

    def test_a_failing_pipeline_tells_its_hook_once_and_stops_nobody(self):
        told = self.folder / "told"
        hook = {"command": f'echo "$SYNCLINE_STATE $SYNCLINE_PIPELINE" >> {told}'}
        bad = SqliteDatabase(self.folder / "bad.db")
        bad.execute("CREATE TABLE items(id INTEGER, name TEXT, updated_at TEXT)")  # no key
        syncline = self.syncline(
            {"bad": {"cron": "* * * * * *", "on_error": hook}, "good": {"cron": "* * * * * *"}}
        )
        with syncline.start("run") as process:
            soon(lambda: len(self.runs(syncline, "bad")) > 2, "failed runs")
            self.insert("meanwhile")
            self.assert_arrives("good")
            self.assertEqual({run["state"] for run in self.runs(syncline, "bad")[:-1]}, {"Failed"})
            self.assertEqual(told.read_text(), "failed bad\n")
            bad.execute("DROP TABLE items")
            self.assert_arrives("bad")
            soon(lambda: told.read_text() == "failed bad\nrecovered bad\n", "the recovery to be told")
            process.terminate()

    def test_verify_by_the_clock(self):
        syncline = self.syncline({"target": {"every": "50ms", "verify": {"cron": "* * * * * *"}}})
        with syncline.start("run") as process:
            self.assert_arrives("target")
            soon(lambda: self.verified(syncline) == ("Done", None), "an equal comparison")
            SqliteDatabase(self.folder / "target.db").execute("UPDATE items SET name = 'altered' WHERE id = 1")
            differ = ("Failed", "not equal: 0 rows missing, 0 extra, 1 differing")
            soon(lambda: self.verified(syncline) == differ, "the difference")
            syncline.run("repair", "target")
            soon(lambda: self.verified(syncline) == ("Done", None), "an equal comparison again")
            process.terminate()

    def verified(self, syncline):
        ended = [run for run in self.runs(syncline, "target", "verify") if run["ended_at"]]
        return (ended[-1]["state"], ended[-1]["error"]) if ended else None

    def test_a_pipeline_gives_up_after_its_retries_and_the_others_go_on(self):
        told = self.folder / "told"
        with Cluster() as cluster:
            syncline = self.syncline({
                "away": {
                    "every": "20ms", "retries": 2, "retry_intervals": ["100ms"],
                    "on_error": {"command": f'echo "$SYNCLINE_STATE $SYNCLINE_KIND $SYNCLINE_ERROR" >> {told}'},
                },
                "here": {"every": "20ms"},
            })  # fmt: skip
            target = PostgresDatabase(cluster, "target")
            configuration = json.loads((self.folder / "syncline.yaml").read_text())
            configuration["databases"]["away"] = target.url
            syncline.configure(configuration)
            with syncline.start("run") as process:
                self.assert_arrives("here")
                soon(lambda: len(self.runs(syncline, "away")) == 1, "the first run")
                cluster.stop()
                self.insert("second")
                soon(lambda: "given up after 2 retries" in process.output(), "the end of its retries")
                self.insert("third")
                self.assert_arrives("here")
                soon(told.exists, "the hook")
                process.terminate(expect=None)
            self.assertEqual(told.read_text().count("failed apply"), 1)
            run = self.runs(syncline, "away")[-1]
            self.assertEqual(run["state"], "Failed")
            self.assertIn("given up after 2 retries", run["error"])

    def test_reconciling_and_folding_by_the_clock(self):
        each = {"cron": "* * * * * *"}
        syncline = self.syncline(
            {"target": {"every": "50ms", "deletes": {"by": "reconcile", **each}}}, retain={"for": "1ms", **each}
        )
        with syncline.start("run") as process:
            self.assert_arrives("target")
            self.source.execute("DELETE FROM items")
            self.insert("second")
            self.assert_arrives("target")
            soon(lambda: syncline.run("log", "stat", "--json").json()["begin"] > 0, "frames to be folded")
            process.terminate()
        self.assertIn("Done", {run["state"] for run in self.runs(syncline, "source", "retain")})

    def test_runs_tell_what_was_synced(self):
        syncline = self.syncline({"target": {"every": "50ms"}})
        syncline.run("run", "--once")
        (run,) = self.runs(syncline, "target")
        self.assertEqual((run["state"], run["captured"], run["rows_written"]), ("Done", 1, 1))
        with syncline.start("run") as process:
            self.insert("second")
            self.assert_arrives("target")
            soon(lambda: len(self.runs(syncline, "target")) == 2, "the run to be noted")
            soon(lambda: self.runs(syncline, "target")[-1]["state"] == "Done", "the run to end")
            process.terminate()
        run = self.runs(syncline, "target")[-1]
        self.assertEqual((run["captured"], run["rows_written"], run["rows_newer"]), (1, 1, 0))
        self.assertIn("synced 1 rows", syncline.run("runs").stdout)
        self.assertIn("synced 1 rows", syncline.run("status").stdout)
        self.assertEqual(one(self.source, "SELECT count(*) FROM items"), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
