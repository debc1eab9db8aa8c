"""A target of lines (`to: jsonl:`): every change of the log, once, in order, whatever happens to the process.

Seen to fail where the file is not cut back at the start (lines stand twice, half a line stands among them, a base twice), and where
the position is written before the lines are (lines are missing).
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import tempfile
import threading
import unittest

from support.databases import SqliteDatabase, one
from support.processes import die_with_parent
from support.settings import SEED, announce
from support.syncline import BINARY, Syncline, SystemTest
from support.waiting import eventually

KILLS = 20
POINTS = ["lines.written", "lines.synced", "lines.position_made", "lines.committed"]
STAMP = "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000+00'"


class JsonlTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("jsonl_test")

    def setUp(self):
        super().setUp()
        self.rng = random.Random(f"{SEED}/{self.id()}")
        self.source = SqliteDatabase(self.folder / "source.db")
        for table in ("items", "notes"):
            self.source.execute(
                f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name TEXT, secret TEXT, updated_at TEXT NOT NULL)"
            )
            self.source.execute(f"CREATE INDEX {table}_updated ON {table} (updated_at)")
        self.syncline = Syncline(self.folder)
        self.output = self.folder / "out.jsonl"
        self.position = self.folder / "out.jsonl.position"
        self.configure()

    def configure(self, to="jsonl:out.jsonl", tables=None, **more):
        self.syncline.configure(
            {
                "log": "./log",
                "databases": {"source": self.source.url},
                "defaults": {"every": "20ms", "cursor": "updated_at", "deletes": {"by": "reconcile", "every": "200ms", "max_deletes": "100%"}},
                "pipelines": {
                    "lines": {"from": "source", "to": to, "tables": tables or {"items": {}, "notes": {}}}
                },
                **more,
            }
        )

    def put(self, table, first, last, name="x"):
        with contextlib.closing(self.source.connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for key in range(first, last + 1):
                connection.execute(
                    f"INSERT OR REPLACE INTO {table} VALUES (?, ?, 'hidden', {STAMP})", (key, name)
                )
            connection.execute("COMMIT")

    def logged(self):
        return self.syncline.run("log", "cat", "source", "--json", "--from", "0").stdout

    def lines(self):
        return self.output.read_text(encoding="utf-8")

    def assert_all_once(self):
        lines, logged = self.lines(), self.logged()
        self.assertEqual(len(lines.splitlines()), len(logged.splitlines()))
        self.assertEqual(lines, logged)

    def write_until(self, stop):
        rng = random.Random(f"{SEED}/writer")
        number = 0
        with contextlib.closing(self.source.connect()) as connection:
            while not stop.wait(0.004):
                number += 1
                connection.execute("BEGIN IMMEDIATE")
                for _ in range(rng.choice((1, 3, 200))):
                    table, key = rng.choice(("items", "notes")), rng.randrange(1, 2000)
                    if rng.random() < 0.1:
                        connection.execute(f"DELETE FROM {table} WHERE id = ?", (key,))
                    else:
                        connection.execute(
                            f"INSERT OR REPLACE INTO {table} VALUES (?, ?, NULL, {STAMP})",
                            (key, f"state {number} of {key}"),
                        )
                connection.execute("COMMIT")

    @contextlib.contextmanager
    def writer(self):
        stop = threading.Event()
        thread = threading.Thread(target=self.write_until, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def test_killed_at_random_moments(self):
        with self.writer():
            for _ in range(KILLS):
                with self.syncline.start("run") as process:
                    grown = (self.output.stat().st_size if self.output.exists() else 0) + 1
                    eventually(
                        lambda grown=grown: self.output.exists() and self.output.stat().st_size >= grown,
                        "lines to be written",
                    )
                    threading.Event().wait(self.rng.uniform(0, 0.08))
                    process.kill()
        self.syncline.run("run", "--once")
        self.assert_all_once()
        ops = [json.loads(line)["op"] for line in self.lines().splitlines()]
        self.assertGreater(len(ops), 500)
        self.assertIn("delete", ops)
        offsets = [json.loads(line)["offset"] for line in self.lines().splitlines()]
        self.assertEqual(offsets, list(range(len(offsets))))

    def test_killed_between_the_steps_of_a_commit(self):
        self.put("items", 1, 50)
        for number, point in enumerate(POINTS * 2):
            self.put("items", number, number + 5, f"at {point} {number}")
            with self.syncline.start("run", env={"SYNCLINE_CRASH_AT": f"{point}:1"}) as process:
                process.wait(expect=-signal.SIGKILL, timeout=60)
        self.syncline.run("run", "--once")
        self.assert_all_once()

    def test_torn_tail_is_cut_off(self):
        self.put("items", 1, 3)
        self.syncline.run("run", "--once")
        before = self.lines()
        with open(self.output, "a", encoding="utf-8") as file:
            file.write(before + '{"offset":3,"op":"ups')
        self.syncline.run("run", "--once")
        self.assertEqual(self.lines(), before)
        self.put("items", 4, 4)
        self.syncline.run("run", "--once")
        self.assert_all_once()

    def test_what_does_not_belong_together_is_refused_and_left_alone(self):
        self.put("items", 1, 3)
        self.syncline.run("run", "--once")
        lines, position = self.lines(), self.position.read_text(encoding="utf-8")

        def refused(words, expect=2):
            result = self.syncline.run("run", "--once", expect=expect)
            self.assertIn(words, result.stderr)
            self.assertIn("hint", result.stderr)
            self.syncline.run("check", expect=expect)

        self.output.write_text(lines[:-5], encoding="utf-8")
        refused("says that")
        self.assertEqual(self.lines(), lines[:-5])
        self.output.unlink()
        refused("is not there")
        self.assertFalse(self.output.exists(), "what was refused has made a file")
        self.output.write_text(lines, encoding="utf-8")
        self.position.unlink()
        refused("is not empty")
        # Without a checksum, as earlier builds wrote it.
        unchecked = "syncline position 1\n" + "".join(
            line for line in position.splitlines(True)[1:] if not line.startswith(("tail ", "check "))
        )
        self.position.write_text(unchecked.replace("log_id ", "log_id 0"), encoding="utf-8")
        refused("was written from log")
        self.position.write_text("rubbish", encoding="utf-8")
        self.assertIn("is no position", self.syncline.run("run", "--once", expect=1).stderr)
        next_offset = next(line for line in position.splitlines() if line.startswith("next_offset"))
        self.position.write_text(unchecked.replace(next_offset, "next_offset 999"), encoding="utf-8")
        self.assertIn("the log ends at", self.syncline.run("run", "--once", expect=4).stderr)
        self.assertEqual(self.lines(), lines)
        # A position that was damaged, and another file in the place of the one that it belongs to: each would have
        # lines cut off that are not Syncline's to cut.
        length = next(line for line in position.splitlines() if line.startswith("length"))
        self.position.write_text(position.replace(length, "length 10"), encoding="utf-8")
        self.assertIn("is no position", self.syncline.run("run", "--once", expect=1).stderr)
        self.assertEqual(self.lines(), lines)
        self.position.write_text(position, encoding="utf-8")
        other = "somebody else's\n" * 1000
        self.output.write_text(other, encoding="utf-8")
        refused("is not the file that")
        self.assertEqual(self.lines(), other)
        self.output.write_text(lines, encoding="utf-8")
        for known in (unchecked, None):
            if known is not None:
                self.position.write_text(known, encoding="utf-8")
            self.put("items", 4, 4)
            self.syncline.run("run", "--once")
            self.assert_all_once()

    def test_what_others_do_to_the_file_meanwhile_is_noticed(self):
        """Seen to fail where lines were written to where the file had ended: zero bytes stood in the place of what was cut
        off, lines went into a file that had been moved or removed, and the position moved on.
        """
        self.put("items", 1, 3)
        aside = self.folder / "aside.jsonl"

        def is_committed(key):
            lines = self.lines() if self.position.exists() else ""
            return (
                f'"key":{{"id":{key}}}' in lines
                and '"closes_cut":true' in lines.splitlines()[-1]
                and f"length {len(lines)}\n" in self.position.read_text(encoding="utf-8")
            )

        for number, (change, told) in enumerate(
            {
                "truncate": "somebody else has changed it",
                "move": "moved or removed",
                "replace": "replaced by another file",
                "append": "somebody else has changed it",
            }.items(),
            start=10,
        ):
            with self.subTest(change), self.syncline.start("run") as process:
                self.put("items", number, number)
                eventually(lambda key=number: is_committed(key), "the line to be committed")
                lines, position = self.lines(), self.position.read_text(encoding="utf-8")
                if change == "truncate":
                    self.output.write_text("", encoding="utf-8")
                elif change == "append":
                    with open(self.output, "a", encoding="utf-8") as file:
                        file.write("mine\n")
                else:
                    self.output.rename(aside)
                    if change == "replace":
                        self.output.write_text(lines, encoding="utf-8")
                self.put("items", number + 100, number + 100)
                self.assertIn(told, process.wait(expect=1, timeout=30).stderr)
                self.assertEqual(self.position.read_text(encoding="utf-8"), position)
                if change in ("move", "replace"):
                    aside.rename(self.output)
                elif change == "truncate":
                    self.output.write_text(lines, encoding="utf-8")
                self.syncline.run("run", "--once")
                self.assert_all_once()

    def test_one_process_writes(self):
        self.put("items", 1, 1)
        with self.syncline.start("run"):
            eventually(self.output.exists, "the output")
            other = Syncline(self.folder / "other")
            other.configure((self.folder / "syncline.yaml").read_text().replace("./log", "../log2").replace(
                "jsonl:out.jsonl", f"jsonl:{self.output}"))
            self.assertIn("another process writes", other.run("run", "--once", expect=3).stderr)

    def test_stdout_has_every_line_of_every_run(self):
        """The report beside them was seen to fail with `written 0`, and as text among lines of JSON."""
        self.configure(to="jsonl:-")
        self.put("items", 1, 3)
        for captured in (3, 0):
            result = self.syncline.run("run", "--once")
            self.assertEqual(result.stdout, self.logged())
            self.assertRegex(result.stderr, rf"lines items: read \d+, captured {captured}, written 3,")
        result = self.syncline.run("run", "--once", "--log-format", "json")
        self.assertEqual(result.stdout, self.logged())
        told = [json.loads(line) for line in result.stderr.splitlines()]
        self.assertEqual(told[-1]["pipelines"][0]["rows_written"], 3)
        self.assertEqual(self.syncline.run("log", "stat", "source", "--json").json()["consumers"], [])

    def test_reader_of_stdout_that_goes_ends_its_pipeline_and_no_other(self):
        """Seen to fail where SIGPIPE ended the process, with the capture and the other pipelines."""
        mirror = SqliteDatabase(self.folder / "mirror.db")
        self.configure(to="jsonl:-")
        configuration = json.loads((self.folder / "syncline.yaml").read_text())
        configuration["databases"]["mirror"] = mirror.url
        configuration["pipelines"]["other"] = {"from": "source", "to": "mirror", "tables": {"items": {}}}
        self.syncline.configure(configuration)
        self.put("items", 1, 3)
        tables = "SELECT count(*) FROM sqlite_master WHERE name = 'items'"
        with tempfile.TemporaryFile("w+") as told:
            process = subprocess.Popen(
                [BINARY, "run"], cwd=self.folder, stdout=subprocess.PIPE, stderr=told, preexec_fn=die_with_parent
            )
            try:
                self.assertEqual(json.loads(process.stdout.readline())["offset"], 0)
                process.stdout.close()
                for number in (1, 2):
                    self.put("items", 100 * number, 100 * number)
                    eventually(
                        lambda number=number: one(mirror, tables) == 1
                        and one(mirror, "SELECT count(*) FROM items") == 3 + number,
                        "the other pipeline to go on",
                    )
                process.terminate()
                self.assertEqual(process.wait(60), 1)
            finally:
                process.kill()
                process.wait()
            told.seek(0)
            self.assertIn("Broken pipe", told.read())

    def test_files_that_are_opened_never_stand_for_a_closed_stdout(self):
        """Seen to fail where lines were written to whatever had got the number 1."""
        self.configure(to="jsonl:-")
        self.put("items", 1, 3)
        done = subprocess.run(
            [BINARY, "run", "--once"], cwd=self.folder, stderr=subprocess.PIPE, text=True, check=False,
            preexec_fn=lambda: (die_with_parent(), os.close(1)),
        )  # fmt: skip
        self.assertEqual(done.returncode, 1)
        self.assertIn("writing to stdout: Bad file descriptor", done.stderr)

    def test_names_that_cannot_be_files_are_refused_by_check_and_run(self):
        """Seen to fail with a position file in /dev, and with a check that passed what run refuses."""
        (self.folder / "circle").symlink_to("circle")
        (self.folder / "away").symlink_to("nowhere/out.jsonl")
        for to, code, words in (
            ("/dev/stdout", 2, "write jsonl:- for stdout"),
            ("/proc/self/fd/1", 2, "write jsonl:- for stdout"),
            ("circle", 3, "symbolic links"),
            ("away", 3, "No such file"),
            (".", 3, "Is a directory"),
        ):
            with self.subTest(to):
                self.configure(to=f"jsonl:{to}")
                self.assertIn(words, self.syncline.run("run", "--once", expect=code).stderr)
                self.syncline.run("check", expect=2)

    def test_base_comes_first(self):
        """What was folded before there was a reader: the last state of each row, then the frames."""
        self.configure(retain={"size": "1kB"})
        for name in "abcd":
            self.put("items", 1, 400, name * 200)
            self.syncline.run("capture", "--once")

        def is_folded():
            # A frame with a whole cursor has to come before the ones in front of it may go.
            self.put("items", 1, 1, "e")
            self.syncline.run("capture", "--once")
            return self.syncline.run("log", "stat", "source", "--json").json()["begin"] > 0

        eventually(is_folded, "frames to be folded")
        self.configure()
        for point in POINTS:
            with self.syncline.start("run", env={"SYNCLINE_CRASH_AT": f"{point}:1"}) as process:
                process.wait(expect=-signal.SIGKILL, timeout=60)
        self.put("notes", 1, 1)
        self.syncline.run("run", "--once")
        self.assert_all_once()
        self.assertIn("folded_at", self.lines().splitlines()[0])

    def test_other_tables_show_only_where_they_close_a_cut_and_omitted_columns_never(self):
        self.configure(tables={"items": {"omit": ["secret"]}})
        configuration = json.loads((self.folder / "syncline.yaml").read_text())
        configuration["databases"]["all"] = "jsonl:all.jsonl"
        configuration["pipelines"]["all"] = {
            "from": "source", "to": "all", "tables": {"items": {}, "notes": {}},
        }  # fmt: skip
        self.syncline.configure(configuration)
        with contextlib.closing(self.source.connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for table in ("items", "notes"):
                connection.execute(f"INSERT INTO {table} VALUES (1, 'a', 'hidden', {STAMP})")
            connection.execute("COMMIT")
        self.syncline.run("run", "--once")
        self.assertEqual((self.folder / "all.jsonl").read_text(encoding="utf-8"), self.logged())
        for line in map(json.loads, self.lines().splitlines()):
            self.assertIn(line["table"], ("items", None))
            self.assertNotIn("secret", line["row"] or {})
        self.assertNotIn("hidden", self.lines())
        self.assertTrue(json.loads(self.lines().splitlines()[-1])["closes_cut"])

    def test_other_commands_say_something_true(self):
        self.put("items", 1, 3)
        self.syncline.run("check")
        self.syncline.run("run", "--once")
        self.syncline.run("check")
        status = self.syncline.run("status", "--json").json()["pipelines"][0]
        self.assertEqual((status["next_offset"] >= 3, status["lag_changes"]), (True, 0))
        offsets = self.syncline.run("offsets", "show", "--json").json()["pipelines"][0]
        self.assertEqual(offsets["next_offset"], status["next_offset"])
        self.assertIn("another file", self.syncline.run("offsets", "set", "lines", "0", expect=2).stderr)
        self.assertIn("writes lines", self.syncline.run("verify", expect=2).stderr)
        self.assertIn("writes lines", self.syncline.run("repair", "lines", expect=2).stderr)
        self.assertEqual(self.syncline.run("conflicts", "list", "--json").json()["conflicts"], [])
        self.assertEqual(self.syncline.run("quarantine", "list", "--json").json()["parked"], [])
        self.assertIn("writes lines", self.syncline.run("quarantine", "retry", "lines", expect=2).stderr)
        self.syncline.run("runs")
        copy = SqliteDatabase(self.folder / "copy.db")
        self.syncline.run("replay", "lines", "--into", copy.url)
        self.assertEqual(len(list(copy.rows("SELECT * FROM items"))), 3)
        self.configure(to="jsonl:-")
        self.syncline.run("check")
        self.syncline.run("status")
        self.assertIsNone(self.syncline.run("status", "--json").json()["pipelines"][0]["next_offset"])
        self.assertIn("each run begins anew", self.syncline.run("offsets", "show").stdout)

    def test_keys_without_a_meaning_are_refused_by_name(self):
        refusals = {
            "on_delete": "ignore", "conflict": "source_wins", "columns": {"name": "n"}, "to": "other", "create": False,
            "new_columns": "pause", "changed_columns": "keep",
        }  # fmt: skip
        self.configure(tables={"items": refusals})
        told = self.syncline.run("check", expect=2).stderr
        for key in refusals:
            self.assertRegex(told, rf'syncline.yaml:\d+: "{key}" has no meaning for lines')
        self.configure(to="jsonl:")
        self.assertIn("names no file", self.syncline.run("check", expect=2).stderr)


if __name__ == "__main__":
    unittest.main()
