"""A log whose files are cut, flipped, zeroed or lost: everything that was acknowledged is there, or the program says so.

The log is made by the program in many runs. Each case damages one file of a copy of it and then looks at what `log verify`, `log cat` and
`capture --once` say. Whatever they say, none of them may end by a signal, hang, or show less than was acknowledged with exit code 0; who
finds damage ends with 4, an offset where there is one, and the way out. Some of the damaged logs are then repaired in the very words
that `log verify` gave, and captured and applied to equality. What was acknowledged is known from `log cat` of the undamaged log.

Fails when the durable mark is not asked, when a reader skips what it cannot read, and when the writer opens a log without looking.
"""

import json
import random
import re
import shutil
import struct
import unittest

from support import items, oracle
from support.databases import SqliteDatabase
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest
from support.waiting import eventually

RUNS = 12  # of capture; each leaves files of its own
CUTS_PER_RUN = 18
ROWS = 6_000
CHANGES_PER_CUT = 12
CASES = {"cut": scaled(12, 500), "flip": scaled(12, 500), "zero": scaled(6, 100)}
REPAIRS = scaled(3, 60)
HANGS_AFTER = 120


def acknowledged(folder):
    """The durable mark's `next`, as FORMAT.md lays it out; 0 before there is one."""
    try:
        mark = (folder / "durable").read_bytes()
    except FileNotFoundError:
        return 0
    return struct.unpack_from(">Q", mark, 40)[0]


def cut(rng, path):
    size = rng.randrange(path.stat().st_size)
    with open(path, "r+b") as file:
        file.truncate(size)
    return f"{path.name} cut to {size} bytes"


def flip(rng, path):
    bit = rng.randrange(8 * path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    return f"{path.name} bit {bit} flipped"


def zero(rng, path):
    content = path.read_bytes()
    count = rng.randint(1, len(content))
    path.write_bytes(content[:-count] + bytes(count))
    return f"{path.name} last {count} of {len(content)} bytes zeroed"


def lose(_, path):
    path.unlink()
    return f"{path.name} deleted"


DAMAGE = {"cut": cut, "flip": flip, "zero": zero}


class DamageTest(SystemTest):
    def setUp(self):
        super().setUp()
        announce("damage_test")
        self.source = SqliteDatabase(self.folder / "source.db")
        self.target = SqliteDatabase(self.folder / "target.db")
        self.whole = self.syncline("whole", self.target)
        self.log = self.whole.folder / "log" / "source"
        self.make_log()
        self.expected = self.whole.run("log", "cat", "--json").stdout.splitlines()
        stat = self.whole.run("log", "stat", "--json").json()
        self.end = stat["end"]
        self.assertEqual(len(self.expected), self.end)
        self.assertGreaterEqual(stat["frames"], 200)
        self.files = sorted(path.name for path in self.log.iterdir() if path.is_file())
        self.assertGreaterEqual(sum(name.endswith(".sst") for name in self.files), 2, self.files)
        self.repaired = 0

    def syncline(self, name, target):
        return Syncline(
            self.folder / name,
            {
                "log": "./log",
                "databases": {"source": self.source.url, "target": target.url},
                "defaults": {"every": "5ms", "cursor": "updated_at"},
                "pipelines": {"way": {"from": "source", "to": "target", "tables": {"items": {}}}},
            },
        )

    def make_log(self):
        items.create(self.source)
        items.load(self.source, 1, ROWS, SEED)
        rows = ROWS
        for run in range(RUNS):
            with self.whole.start("capture") as capture:
                eventually(lambda: acknowledged(self.log) >= ROWS, "the first load", HANGS_AFTER)
                for number in range(CUTS_PER_RUN):
                    before = acknowledged(self.log)
                    rows += items.change(self.source, rows, CHANGES_PER_CUT, f"{SEED}/{run}/{number}")
                    eventually(lambda: acknowledged(self.log) > before, "a cut", HANGS_AFTER, 0.001)
                # The one before the last dies with a full memory, the others come to their end.
                capture.kill() if run == RUNS - 2 else capture.terminate()
        self.whole.run("run", "--once")

    def test_nothing_is_silently_less(self):
        rng = random.Random(f"{SEED}/damage")
        cases = [(kind, rng.choice(self.files)) for kind, count in CASES.items() for _ in range(count)]
        cases += [("lose", name) for name in self.files]
        rng.shuffle(cases)
        told = {}
        for number, (kind, name) in enumerate(cases):
            with self.subTest(case=number, kind=kind, file=name):
                verdict = self.check_case(rng, number, kind, name)
                told[verdict] = told.get(verdict, 0) + 1
        print(f"damage_test: {len(cases)} cases, {self.repaired} repaired: {told}", flush=True)
        self.assertGreater(told.get("found", 0), 0)
        self.assertGreater(told.get("harmless", 0), 0)
        self.assertGreater(self.repaired, 0)

    def check_case(self, rng, number, kind, name):
        target = SqliteDatabase(self.folder / f"{number}.db")
        syncline = self.syncline("case", target)
        log = syncline.folder / "log" / "source"
        shutil.copytree(self.log, log)
        size = (log / name).stat().st_size
        what = f"{name} is empty" if size == 0 and kind != "lose" else DAMAGE.get(kind, lose)(rng, log / name)
        try:
            verified = self.look(syncline, "log", "verify", "--json")
            self.check_content(syncline, verified.code == 0)
            captured = self.look(syncline, "capture", "--once")
            self.check_content(syncline, captured.code == 0 and verified.code == 0)
            if verified.code == 0:
                self.assertEqual(captured.code, 0, captured.stderr)
                return "harmless"
            if self.repaired < REPAIRS:
                shutil.rmtree(log)
                shutil.copytree(self.log, log)
                # The same damage once more: what capture did must not be what makes the repair work.
                self.repeat(what, log / name)
                self.repair(syncline, target, verified)
                return "found"
            return "found"
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}") from None
        finally:
            shutil.rmtree(syncline.folder)
            for path in self.folder.glob(f"{number}.db*"):
                path.unlink()

    def look(self, syncline, *arguments):
        """A run that may find damage, and must then say how to go on."""
        result = syncline.run(*arguments, expect=None, timeout=HANGS_AFTER)
        self.assertIn(result.code, (0, 4), f"{arguments}: {result.stderr[-2000:]}")
        if result.code == 4:
            self.assertRegex(result.stderr, "log repair|restore", str(arguments))
        return result

    def check_content(self, syncline, whole):
        """All of it, or the beginning of it and exit code 4."""
        shown = self.look(syncline, "log", "cat", "--json")
        lines = shown.stdout.splitlines()
        if shown.code == 0:
            self.assertGreaterEqual(len(lines), len(self.expected), "silently less")
        else:
            self.assertFalse(whole, "verify finds nothing wrong, and cat does: " + shown.stderr)
        self.assertEqual(lines[: self.end], self.expected[: len(lines)], "other content")

    def repeat(self, what, path):
        content = bytearray(path.read_bytes())
        if found := re.search(r"cut to (\d+) bytes", what):
            content = content[: int(found[1])]
        elif found := re.search(r"bit (\d+) flipped", what):
            content[int(found[1]) // 8] ^= 1 << int(found[1]) % 8
        elif found := re.search(r"last (\d+) of", what):
            content[-int(found[1]) :] = bytes(int(found[1]))
        else:
            path.unlink()
            return
        path.write_bytes(content)

    def repair(self, syncline, target, verified):
        remains = self.look(syncline, "log", "repair", "--json")
        if remains.code == 4:
            self.assertIn("nothing can be read", remains.stderr)
            return
        whole_to = remains.json()["whole_to"]
        if told := re.search(r"--truncate-at (\d+)", verified.stderr):
            self.assertLessEqual(int(told[1]), whole_to, "verify found more than repair")
            whole_to = int(told[1])
        self.assertLessEqual(whole_to, self.end)
        syncline.run("log", "repair", "--truncate-at", str(whole_to))
        syncline.run("log", "verify")
        kept = syncline.run("log", "cat", "--json").stdout.splitlines()
        self.assertEqual(kept, self.expected[:whole_to])
        syncline.run("capture", "--once")
        syncline.run("log", "verify")
        syncline.run("apply", "--once")
        self.assert_equal(target)
        self.check_old_target(syncline, whole_to)
        self.repaired += 1

    def check_old_target(self, syncline, whole_to):
        """The target that had everything goes on only if the log has lost nothing of it."""
        copy = SqliteDatabase(self.folder / "old.db")
        with open(self.target.path, "rb") as old, open(copy.path, "wb") as new:
            shutil.copyfileobj(old, new)
        configuration = json.loads((syncline.folder / "syncline.yaml").read_text())
        configuration["databases"]["target"] = copy.url
        syncline.configure(configuration)
        syncline.run("apply", "--once", expect=0 if whole_to >= self.end else 4)
        if whole_to >= self.end:
            self.assert_equal(copy)
        for path in self.folder.glob("old.db*"):
            path.unlink()

    def assert_equal(self, target):
        oracle.assert_equal(
            oracle.Table(self.source, "items", items.COLUMNS), oracle.Table(target, "items", items.COLUMNS)
        )


if __name__ == "__main__":
    unittest.main()
