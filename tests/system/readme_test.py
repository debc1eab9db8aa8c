"""Every block of commands in README and the manual is run, in its order, and what comes is held against what is shown.

Numbers, times, names of logs and folders may differ, and so may the order of log lines of two threads; nothing else may. `...` stands
for lines that are left out. A block that no scene claims fails the test: whoever writes one says here what it needs.

Seen to fail on the README of 29 November: `init` and `check` had other lines, and `status --json` other members;
on a block of a page that no scene plays, and on a configuration with a misspelt key.
"""

import json
import os
import pathlib
import re
import sqlite3
import subprocess
import unittest

from support.databases import PostgresDatabase
from support.postgres import Cluster
from support.syncline import BINARY, REPOSITORY, SystemTest
from support.waiting import eventually

DOCUMENTS = ["README.md", ".github/SECURITY.md"] + [
    str(path.relative_to(REPOSITORY))
    for path in sorted(REPOSITORY.glob("[!b]*/**/*.md")) + [REPOSITORY / "bench/README.md"]
]
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\dT\S+ (info|warning|error) ")
# What may differ, and what it becomes.
FREE = (
    (r"\x1b\[[0-9;]*m", ""),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00(:00)?)?", "<time>"),
    (r"PostgreSQL \d+\S* \([^)]*\)", "PostgreSQL"),
    (r"postgresql:\d+/", "postgresql:<id>/"),
    (r"(\bsqlite:|(?<=\s)|(?<=\())/[^\s,;()]+", "<path>"),
    (r"(behind|ahead of) this machine's|the same as this machine's", "<clock>"),
    (r"\d[\d,]*(\.\d+)?", "#"),
    (r"# (ms|s|min|h|d|B|KiB|MiB|GiB|TiB)\b", "# <unit>"),
    (r"\s+", " "),
)


def blocks():
    """(document, [(command, [lines shown])])"""
    for document in DOCUMENTS:
        path = REPOSITORY / document
        if not path.exists():
            continue
        for block in re.findall(r"^```\w*\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S):
            if not block.startswith("$ "):
                continue
            steps = []
            for line in block.splitlines():
                if line.startswith("$ "):
                    steps.append([line[2:], []])
                elif steps[-1][0].count('"') % 2 and not steps[-1][1]:
                    steps[-1][0] += "\n" + line  # a statement goes on
                else:
                    steps[-1][1].append(line)
            yield document, steps


def free(line):
    for pattern, instead in FREE:
        line = re.sub(pattern, instead, line)
    return line.strip()


def shape(value):
    """Of JSON: its members; null may be anything."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None if value is None else type(value).__name__.replace("float", "int")


def agree(shown, found):
    if shown is None or found is None or shown == found:
        return True
    if isinstance(shown, dict) and isinstance(found, dict):
        return list(shown) == list(found) and all(agree(shown[key], found[key]) for key in shown)
    if isinstance(shown, list) and isinstance(found, list):
        return not shown or not found or agree(shown[0], found[0])
    return False


def matches(shown, found, extra):
    """`...` stands for any lines; so does every gap where there may be extra ones."""
    if not shown:
        return extra or not found
    if shown[0] == "...":
        return any(matches(shown[1:], found[start:], extra) for start in range(len(found) + 1))
    if found and shown[0] == found[0] and matches(shown[1:], found[1:], extra):
        return True
    return extra and bool(found) and matches(shown, found[1:], extra)


def named_by(beginning, found):
    """Those of the blocks that a scene means: whose first command is just that, else all that begin with it."""
    exactly = [steps for _, steps in found if steps[0][0] == beginning]
    return exactly or [steps for _, steps in found if steps[0][0].startswith(beginning)]


class ReadmeTest(SystemTest):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)
        cls.blocks = list(blocks())

    def setUp(self):
        super().setUp()
        (self.folder / "bin").mkdir()
        (self.folder / "bin/syncline").symlink_to(pathlib.Path(BINARY).resolve())
        self.at = self.folder
        self.instead = {"/backups/": f"{self.folder}/backups/"}
        (self.folder / "backups").mkdir()

    def play(self, *beginnings, extra=()):
        """Runs the blocks that begin with these commands. `extra`: commands that may print more lines than are shown."""
        for beginning in beginnings:
            found = named_by(beginning, self.blocks)
            self.assertEqual(len(found), 1, f"blocks that begin with {beginning}")
            for command, shown in found[0]:
                self.step(command, shown, command in extra)

    def step(self, command, shown, extra):
        for text, instead in self.instead.items():
            command = command.replace(text, instead)
        if command.startswith("cd "):
            self.at = self.at / command[3:]
            return
        if command.startswith("cat ") and command.endswith(".yaml"):
            (self.at / command[4:]).write_text("\n".join(shown) + "\n", encoding="utf-8")
            return
        env = {**os.environ, "NO_COLOR": "1", "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        ended = subprocess.run(
            ["bash", "-c", command], cwd=self.at, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=120, check=False,
        )  # fmt: skip
        lines = ended.stdout.decode("utf-8", "replace").splitlines()
        self.compare(command, shown, lines, extra)

    def compare(self, command, shown, lines, extra):
        if shown and shown[0].startswith("{"):
            ours, theirs = (shape(json.loads(text[0])) for text in (shown, lines))
            self.assertTrue(agree(ours, theirs), f"{command}\nshown: {ours}\nfound: {theirs}")
            return

        def parts(text):
            told = sorted(free(line) for line in text if LOG_LINE.match(line))
            return told, [free(line) for line in text if line.strip() and not LOG_LINE.match(line)]

        (ours_told, ours), (theirs_told, theirs) = parts(shown), parts(lines)
        if ours_told or not shown:
            self.assertEqual(ours_told, theirs_told if ours_told else [], command)
        if shown and not matches(ours, theirs, extra):
            self.assertEqual(ours, theirs, f"{command}\n" + "\n".join(lines))

    def test_every_block_has_a_scene(self):
        literals = re.findall(r'"(\w+ [^"\n]*)"|\'(\w+ [^\'\n]*)\'', pathlib.Path(__file__).read_text(encoding="utf-8"))
        claimed = [block for literal in literals for block in named_by(literal[0] or literal[1], self.blocks)]
        for document, steps in self.blocks:
            with self.subTest(f"{document}: {steps[0][0]}"):
                self.assertTrue(steps in claimed, "no scene of this test plays it")

    def test_five_minutes_and_the_logs(self):
        self.instead["syncline demo"] = "syncline demo --seconds 2"
        self.play("syncline demo", "cd syncline-demo")
        self.play("syncline log cat --table customers --key 7 --json", "syncline log ls", "syncline log verify")
        self.play("syncline replay", "syncline offsets show")
        with sqlite3.connect(self.at / "mirror.db") as mirror, sqlite3.connect(self.at / "shop.db") as shop:
            mirror.execute("UPDATE customers SET city = 'Rome', credit = 0 WHERE id = 7")
            shop.execute("UPDATE customers SET newsletter = NOT newsletter WHERE id = 9")
            mirror.execute("DELETE FROM order_lines WHERE order_id = 1 AND line = 1")
            mirror.execute("DELETE FROM orders WHERE id = 5")
        self.play("syncline verify")

    def test_your_own_databases(self):
        shop = PostgresDatabase(self.cluster, "shop")
        shop.execute("CREATE TABLE items(id bigint PRIMARY KEY, name text, updated_at timestamptz NOT NULL DEFAULT now())")
        shop.execute("CREATE INDEX ON items(updated_at)")
        shop.execute("CREATE TABLE orders(id bigint PRIMARY KEY, item_id bigint, updated_at timestamptz NOT NULL DEFAULT now())")
        stamps = "now() - g * interval '1 minute' FROM generate_series(1, 20000) g"
        shop.execute(f"INSERT INTO items SELECT g, 'x', {stamps}; INSERT INTO orders SELECT g, g, {stamps}; ANALYZE")
        self.cluster.create_reader("shop")
        self.instead["postgresql:///shop?host=/var/run/postgresql&user=reader"] = self.cluster.url("shop", "reader")
        self.play("syncline init", "syncline check | grep -A 1 ^warn")
        shop.execute(
            "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN NEW.updated_at := now(); RETURN NEW; END'; "
            "CREATE TRIGGER stamp_items BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION stamp()"
        )
        self.play("syncline check | grep -e exact -e bounded")
        shop.execute("REVOKE SELECT ON items FROM reader")
        self.play("syncline check | grep GRANT")
        configuration = self.at / "syncline.yaml"
        configuration.write_text(
            'log: ./log\ndatabases:\n  shop: "sqlite:a.db"\n  mirror: "sqlite:b.db"\npipelines:\n  way:\n    from: shop\n'
            "    to: mirror\n    tables: {items: {}}\ndefaults: {cursr: updated_at}\n", encoding="utf-8",
        )  # fmt: skip
        self.play("syncline check", "syncline -c missing.yaml check")

    def test_two_directions(self):
        self.play("cat syncline.yaml")
        self.play("syncline conflicts list", extra=("syncline conflicts list",))

    def test_prepare(self):
        shop = PostgresDatabase(self.cluster, "shop")
        shop.execute("CREATE TABLE items(id bigint PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now())")
        self.cluster.create_reader("shop")
        (self.at / "syncline.yaml").write_text(
            f"log: ./log\ndatabases: {{shop: \"{self.cluster.url('shop', 'reader')}\", mirror: \"sqlite:m.db\"}}\n"
            "defaults: {cursor: updated_at, deletes: tombstones}\n"
            "pipelines: {way: {from: shop, to: mirror, tables: {public.items: {}}}}\n", encoding="utf-8",
        )  # fmt: skip
        self.instead["postgresql://owner@localhost/shop"] = f"'{shop.url}'"
        self.play("syncline prepare")

    def test_runs(self):
        with sqlite3.connect(self.at / "a.db") as source:
            source.execute("CREATE TABLE items(id INTEGER PRIMARY KEY, updated_at TEXT NOT NULL)")
            source.execute("INSERT INTO items VALUES (1, '2026-01-01'), (2, '2026-01-01')")
        (self.at / "syncline.yaml").write_text(
            'log: ./log\ndatabases: {a: "sqlite:a.db", b: "sqlite:b.db"}\ndefaults: {cursor: updated_at}\n'
            'pipelines: {by-clock: {from: a, to: b, cron: "*/2 * * * * *", verify: {cron: "* * * * * *"}, tables: {items: {}}}}\n',
            encoding="utf-8",
        )

        def runs():
            told = subprocess.run([BINARY, "runs", "--json"], cwd=self.at, capture_output=True, check=False).stdout
            kinds = [run["kind"] for run in json.loads(told or b'{"runs":[]}')["runs"] if run["state"] == "Done"]
            return "sync" in kinds and "verify" in kinds

        with subprocess.Popen([BINARY, "run"], cwd=self.at, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            try:
                eventually(runs, "a sync and a comparison")
            finally:
                running.terminate()
        (steps,) = (steps for _, steps in self.blocks if steps[0][0].startswith("syncline runs"))
        (command, shown), = steps
        told = subprocess.run([BINARY, *command.split()[1:]], cwd=self.at, capture_output=True, text=True, check=False).stdout
        lines = [free(line) for line in told.splitlines()]
        self.assertEqual(free(shown[0]), lines[0])
        known = {free(line) for line in shown[1:]} | {free(line).replace("Done", "Cancelled") for line in shown[1:]}
        self.assertTrue(known & set(lines[1:]), told)

    def test_configurations_that_are_shown_are_understood(self):
        texts = [(REPOSITORY / document).read_text(encoding="utf-8") for document in DOCUMENTS]
        shown = [block for text in texts for block in re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)]
        whole = [text for text in shown if re.search(r"^pipelines:", text, re.M)]
        rest = "\n".join(line for line in whole[0].splitlines() if not line.startswith("defaults:"))
        parts = [text.replace("{", "{cursor: updated_at, ", 1) + rest for text in shown if text.startswith("defaults:")]
        self.assertEqual(len(whole) + len(parts), len(shown), "a piece of a configuration that nobody has parsed")
        for configuration in whole + parts:
            (self.at / "syncline.yaml").write_text(configuration, encoding="utf-8")
            env = {**os.environ, "SHOP_PASSWORD": "x"}
            ended = subprocess.run([BINARY, "runs"], cwd=self.at, env=env, capture_output=True, text=True, check=False)
            self.assertEqual(ended.returncode, 0, f"{configuration}\n{ended.stderr}")


if __name__ == "__main__":
    unittest.main()
