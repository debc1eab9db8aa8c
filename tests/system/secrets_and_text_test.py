"""Passwords stay where they belong, and what a database calls its things cannot pass for something else.

Seen to fail on the build of 29 November 2026: `pass%77ord=` was shown, ps showed an address with its password, hooks had
every variable of the program, names with line breaks made lines of their own in logs, tables and messages.
"""

import contextlib
import json
import os
import pathlib
import re
import sqlite3
import unittest

from support.postgres import PORT, Cluster
from support.syncline import SystemTest, Syncline
from support.waiting import eventually

USAGE, ENVIRONMENT = 2, 3
PASSWORD = "correct-horse"
# What must not come out as it is: C0 but for line breaks of our own, DEL, C1, what turns the direction of text.
UNSHOWN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200e\u200f\u061c]")
FORGED = "2026-01-01T00:00:00.000+00:00 info FORGED"
ODD = f"odd\n{FORGED}\x1b[31m\x07\u009b2J\u202e\u2066"


class SecretsTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(hba="local all secured scram-sha-256", password_encryption="scram-sha-256")
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.create_database("source")
        cls.cluster.execute(
            "source",
            "CREATE TABLE items(id int PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now());"
            "INSERT INTO items VALUES (1)",
        )
        cls.cluster.create_reader("source", "secured", PASSWORD)

    def setUp(self):
        super().setUp()
        self.syncline = Syncline(self.folder)
        self.secret = self.folder / "secret"
        self.secret.write_text(PASSWORD + "\n", encoding="utf-8")
        self.place = f"host={self.cluster.folder}&port={PORT}"

    def configure(self, source, more=""):
        self.syncline.configure(
            f"log: ./log\ndatabases:\n  source: {json.dumps(source)}\n  target: sqlite:target.db\n"
            "defaults: {every: 50ms, cursor: updated_at}\n"
            f"pipelines: {{way: {{from: source, to: target, tables: {{public.items: {{}}}}{more}}}}}\n"
        )

    def arrives(self, source, **environment):
        """The row comes into a new target, and nothing tells the password."""
        self.configure(source)
        for name in ("target.db", "target.db-wal", "target.db-shm"):
            (self.folder / name).unlink(missing_ok=True)
        for command in (("check",), ("run", "--once", "-v"), ("status", "--json"), ("verify", "--json")):
            result = self.syncline.run(*command, env=environment)
            self.assertNotIn(PASSWORD, result.stdout + result.stderr)
        with contextlib.closing(sqlite3.connect(self.folder / "target.db")) as target:
            self.assertEqual(target.execute("SELECT count(*) FROM items").fetchone()[0], 1)

    def test_a_password_comes_from_a_variable_a_file_or_where_libpq_looks(self):
        login = f"postgresql://secured@/source?{self.place}"
        self.arrives(f"postgresql://secured:${{PW}}@/source?{self.place}", PW=PASSWORD)
        self.arrives(f"postgresql://secured:${{file:{self.secret}}}@/source?{self.place}")
        self.arrives(f"{login}&pass%77ord=${{file:{self.secret}}}")
        passfile = self.folder / ".pgpass"
        passfile.write_text(f"*:*:*:secured:{PASSWORD}\n", encoding="utf-8")
        passfile.chmod(0o600)
        self.arrives(login, PGPASSFILE=str(passfile))
        self.arrives(login, HOME=str(self.folder), PGPASSFILE="")
        self.arrives(f"{login}&passfile={passfile}")
        services = self.folder / "services"
        services.write_text(
            f"[shop]\nhost={self.cluster.folder}\nport={PORT}\nuser=secured\ndbname=source\npassword={PASSWORD}\n",
            encoding="utf-8",
        )
        self.arrives("postgresql:///?service=shop", PGSERVICEFILE=str(services))

    def test_what_cannot_be_taken_is_named_without_what_is_in_it(self):
        cases = {
            "${UNSET_HERE}": "UNSET_HERE",
            "${file:/nowhere/secret}": "/nowhere/secret",
            f"${{file:{self.folder}}}": "no plain file",
            "${file:secret}": "absolute",
        }
        for reference, word in cases.items():
            self.configure(f"postgresql://secured:{PASSWORD}{reference}@/source?{self.place}")
            result = self.syncline.run("check", expect=USAGE)
            self.assertIn(word, result.stderr)
            self.assertIn("hint", result.stderr)
            self.assertNotIn(PASSWORD, result.stderr)
            url = f"postgresql://me:{PASSWORD}{reference}@/source"
            for command in (("init", url), ("init", "sqlite:a.db", "--to", url)):
                result = self.syncline.run(*command, "-o", "new.yaml", expect=None)
                self.assertNotEqual(result.code, 0)
                self.assertNotIn(PASSWORD, result.stdout + result.stderr)

    def test_an_option_is_a_secret_by_its_decoded_name(self):
        wrong = f"postgresql://secured@/source?{self.place}&pass%77ord={PASSWORD}x"
        self.configure(wrong)
        for command in (("run", "--once", "-v"), ("check", "--json"), ("status",), ("prepare", "--as", wrong, "--apply")):
            result = self.syncline.run(*command, expect=None)
            self.assertNotIn(PASSWORD, result.stdout + result.stderr)

    def test_init_takes_references_and_writes_no_password(self):
        given = f"postgresql://secured:${{file:{self.secret}}}@/source?{self.place}"
        self.syncline.run("init", given, "--to", "postgresql://u@h/t?%70assword=" + PASSWORD, "-o", "new.yaml")
        text = (self.folder / "new.yaml").read_text(encoding="utf-8")
        self.assertIn(given, text)
        self.assertIn("%70assword=${T_PASSWORD}", text)
        self.assertNotIn(PASSWORD, text)

    def test_ps_shows_no_password(self):
        self.configure(f"postgresql://secured:${{file:{self.secret}}}@/source?{self.place}")
        self.syncline.run("run", "--once")
        # A listener that never answers keeps the process there to be looked at.
        silent = f"postgresql://postgres:{PASSWORD}@/postgres?{self.place}&options=-c%20lock_timeout%3D0"
        with contextlib.closing(self.cluster.connect("postgres", autocommit=False)) as holder:
            holder.cursor().execute("CREATE TABLE items(id int); LOCK TABLE pg_catalog.pg_class IN ACCESS EXCLUSIVE MODE")
            with self.syncline.start("replay", "way", f"--into={silent}") as running:
                shown = pathlib.Path(f"/proc/{running.pid}/cmdline")
                eventually(lambda: b"--into=postgresql://postgres@/postgres" in shown.read_bytes(), "the secret to go")
                self.assertNotIn(PASSWORD.encode(), shown.read_bytes())
                running.kill()

    def test_hooks_get_the_documented_variables_only(self):
        told = self.folder / "told"
        self.configure(
            f"postgresql://secured:${{PW}}@/source?{self.place}",
            more=f", cron: '* * * * * *', retries: 0, on_error: {{command: \"env > {told}.new && mv {told}.new {told}\"}}",
        )
        self.cluster.execute("source", "REVOKE SELECT ON items FROM secured")
        try:
            with self.syncline.start("run", env={"PW": PASSWORD, "OTHER": "x"}) as running:
                eventually(told.exists, "the hook to be told")
                running.terminate(expect=None)
        finally:
            self.cluster.execute("source", "GRANT SELECT ON items TO secured")
        names = {line.split("=")[0] for line in told.read_text(encoding="utf-8").splitlines()}
        own = {"PWD", "OLDPWD", "SHLVL", "_"}  # the shell's
        self.assertLessEqual(names - own, {"PATH", "HOME", "LANG"} | {
            f"SYNCLINE_{name}" for name in ("PIPELINE", "KIND", "STATE", "ERROR", "HINT", "AT")})  # fmt: skip
        self.assertIn("SYNCLINE_ERROR", names)


class TextTest(SystemTest):
    """Names, values and a server's words that try to look like something else."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.create_database("source")
        quoted = '"' + ODD.replace('"', '""') + '"'
        cls.cluster.execute(
            "source",
            f"""CREATE TABLE {quoted} (id text PRIMARY KEY, {quoted} text, updated_at timestamptz NOT NULL DEFAULT now());
            INSERT INTO {quoted} VALUES (E'k\\n{FORGED}\\x1b[2J', E'v\\n{FORGED}\\x1b[31m');
            CREATE FUNCTION bad(text) RETURNS boolean LANGUAGE plpgsql AS
              $$ BEGIN RAISE EXCEPTION E'x\\n{FORGED}\\x1b[31m\\x07\\u202e' USING HINT = E'h\\n{FORGED}\\x1b[2J'; END $$;
            CREATE VIEW fails AS SELECT * FROM {quoted} WHERE bad(id)""",
        )

    def setUp(self):
        super().setUp()
        self.syncline = Syncline(self.folder)

    def told(self, *command, expect=None, **options):
        """What it tells, after a look that all of it is printable, one line each, and valid JSON where asked for."""
        result = self.syncline.run(*command, expect=expect, **options)
        for text in (result.stdout, result.stderr):
            self.assertNotRegex(text, UNSHOWN, f"{command}")
            for line in text.splitlines():
                self.assertFalse(line.startswith("2026-01-01"), f"{command}: {line}")
        if "--json" in command:
            for line in result.stdout.splitlines():
                json.loads(line)
        return result.stdout + result.stderr

    def everything(self):
        shown = self.told("run", "--once", "-v")
        for command in (
            ["check"], ["status"], ["runs"], ["log", "cat"], ["log", "stat"], ["verify"], ["quarantine", "list"],
            ["quarantine", "show", "1"], ["conflicts", "list", "--all"], ["prepare"], ["offsets", "show"],
        ):  # fmt: skip
            shown += self.told(*command)
            shown += self.told(*command, "--json")
        return shown

    def configure(self, source, target, tables):
        self.syncline.configure(
            {
                "log": "./log",
                "databases": {"source": source, "target": target},
                "defaults": {"every": "50ms", "cursor": "updated_at"},
                "pipelines": {"way": {"from": "source", "to": "target", "tables": tables}},
            }
        )

    def test_names_and_values_from_postgres(self):
        self.configure(self.cluster.url("source"), "sqlite:target.db", {"public.odd*": {}})
        shown = self.everything()
        self.assertIn("odd\\n" + FORGED + "\\x1b[31m\\x07\\u009b2J\\u202e\\u2066", shown)

    def test_a_servers_words(self):
        self.configure(self.cluster.url("source"), "sqlite:target.db", {"public.fails": {"key": ["id"]}})
        shown = self.everything()
        self.assertIn("x\\n" + FORGED + "\\x1b[31m\\x07\\u202e", shown)

    def test_a_refused_row_and_a_difference(self):
        self.configure(self.cluster.url("source"), "sqlite:target.db", {"public.odd*": {"to": "kept_*"}})
        with contextlib.closing(sqlite3.connect(self.folder / "target.db")) as target:
            target.execute(
                f"CREATE TABLE [kept_{ODD}](id TEXT PRIMARY KEY, [{ODD}] TEXT CONSTRAINT [{ODD}] CHECK (length(id) < 2),"
                " updated_at TEXT)"
            )
        shown = self.everything()
        self.assertIn("FORGED", shown)

    def test_what_is_no_utf8_in_a_sqlite_file(self):
        with contextlib.closing(sqlite3.connect(self.folder / "source.db")) as source:
            source.execute("CREATE TABLE items(id TEXT PRIMARY KEY, name TEXT, updated_at TEXT NOT NULL)")
            source.execute(
                "INSERT INTO items VALUES (CAST(x'ff1b5b324a0a' AS TEXT), CAST(x'c080fe' AS TEXT), '2026-01-01 00:00:00')"
            )
            source.commit()
        self.configure("sqlite:source.db", "sqlite:target.db", {"items": {}})
        shown = self.everything()
        self.assertIn("\\xff\\x1b[2J\\n", shown)

    def test_a_mistyped_configuration_and_command(self):
        self.configure("sqlite:a.db", "sqlite:b.db", {f"t{ODD}": {"what": 1}, "u": {"why": 2}})
        shown = self.told("check", expect=USAGE)
        self.assertRegex(shown, "mistakes in the configuration\n  ")  # lines of our own stay lines
        self.told("run", f"way{ODD}", expect=USAGE)
        self.told(f"odd{ODD}", expect=USAGE)
        self.told("check", f"--{ODD}", expect=USAGE)
        self.told("-c", str(self.folder / f"no{ODD}"), "check", expect=USAGE)

    def test_a_terminal_gets_no_sequences_but_ours(self):
        self.configure("sqlite:a.db", "sqlite:b.db", {"t": {}})
        leader, follower = os.openpty()
        self.addCleanup(os.close, leader)
        pid = os.fork()
        if pid == 0:
            os.dup2(follower, 1)
            os.dup2(follower, 2)
            os.environ.pop("NO_COLOR", None)
            os.environ["TERM"] = "xterm"
            os.chdir(self.folder)
            binary = os.environ["SYNCLINE_BINARY"]
            os.execv(binary, [binary, "run", f"way{ODD}"])
        os.waitpid(pid, 0)
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while part := os.read(leader, 4096):
                shown += part
        text = shown.decode().replace("\r\n", "\n")
        self.assertIn("\x1b[31merror: \x1b[0m", text)
        ours = re.sub("\x1b\\[(0|1|2|31|32|33)m", "", text, count=4)
        self.assertNotRegex(ours, UNSHOWN)


if __name__ == "__main__":
    unittest.main()
