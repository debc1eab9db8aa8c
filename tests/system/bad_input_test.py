"""What is wrong with the configuration, a database or the machine is said by name, with what to do about it, and changes nothing.

Every case names the exit code and what has to stand in the message; every message carries a hint, and none a password.
"""

import contextlib
import os
import pwd
import shutil
import textwrap
import unittest

from support import items
from support.databases import PostgresDatabase, SqliteDatabase
from support.postgres import Cluster
from support.syncline import BINARY, Syncline, SystemTest
from support.waiting import eventually

USAGE, ENVIRONMENT = 2, 3
PASSWORD = "correct-horse"


class BadInputTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(hba="local all secured scram-sha-256", password_encryption="scram-sha-256")
        cls.addClassCleanup(cls.cluster.close)
        cls.source = PostgresDatabase(cls.cluster, "source")
        items.create(cls.source)
        items.load(cls.source, 1, 10)
        cls.source.execute(
            """CREATE TABLE keyless(name text, updated_at timestamptz);
            CREATE TABLE cursorless(id bigint PRIMARY KEY, name text);
            CREATE TABLE odd(id bigint PRIMARY KEY, updated_at jsonb);
            CREATE TABLE hidden(id bigint PRIMARY KEY, updated_at timestamptz)"""
        )
        cls.cluster.create_reader("source", "secured", PASSWORD)
        cls.cluster.create_reader("source", "stranger")
        cls.source.execute("REVOKE SELECT ON hidden FROM stranger")

    def setUp(self):
        super().setUp()
        self.syncline = Syncline(self.folder)
        self.target = SqliteDatabase(self.folder / "target.db")

    def configure(self, tables="public.items: {}", source=None, target=None, log="./log", more=""):
        self.syncline.configure(
            textwrap.dedent(
                f"""\
                log: {log}
                databases:
                  source: {source or self.source.url}
                  target: {target or self.target.url}
                defaults: {{every: 50ms, cursor: updated_at}}
                pipelines:
                  way:
                    from: source
                    to: target
                    tables:
                      {tables}
                """
            )
            + textwrap.dedent(more)
        )

    def refuses(self, code, *words, command=("run", "--once"), **options):
        """The run ends with `code`, and its message holds all the `words` and a hint."""
        result = self.syncline.run(*command, expect=None, timeout=60, **options)
        message = result.stderr + result.stdout
        self.assertEqual(result.code, code, message)
        for word in words:
            self.assertIn(word, message)
        self.assertIn("hint", message)
        self.assertNotIn(PASSWORD, message)
        return message

    def refuses_everywhere(self, code, *words):
        """`check` finds the same before anything is run."""
        self.refuses(code, *words)
        result = self.syncline.run("check", expect=code)
        for word in words:
            self.assertIn(word, result.stdout + result.stderr)

    # The configuration.

    def test_no_configuration(self):
        self.refuses(USAGE, "syncline.yaml", "syncline init")

    def test_an_unknown_key_is_named_with_its_line_and_the_nearest_one(self):
        self.configure("public.items: {cursr: updated_at}")
        self.refuses(USAGE, "syncline.yaml:11", "cursr", "cursor")

    def test_a_database_that_is_not_there_is_named_with_its_line_and_the_nearest_one(self):
        self.configure()
        text = (self.folder / "syncline.yaml").read_text(encoding="utf-8").replace("to: target", "to: targt")
        self.syncline.configure(text)
        self.refuses(USAGE, "syncline.yaml:9", "targt", "target")

    def test_an_environment_variable_that_is_not_set(self):
        self.configure(source="postgresql://reader:${SYNCLINE_NO_SUCH_VARIABLE}@localhost/shop")
        self.refuses(USAGE, "syncline.yaml:3", "SYNCLINE_NO_SUCH_VARIABLE")

    def test_a_duration_that_is_none(self):
        self.configure()
        text = (self.folder / "syncline.yaml").read_text(encoding="utf-8").replace("50ms", "often")
        self.syncline.configure(text)
        self.refuses(USAGE, "syncline.yaml:5", "every", "often")

    def test_yaml_that_is_none(self):
        self.syncline.configure("log: [unclosed\n")
        self.refuses(USAGE, "syncline.yaml:")

    def test_an_unknown_scheme(self):
        self.configure(target="oracle://host/db")
        self.refuses(USAGE, "syncline.yaml:4", "oracle")

    def test_a_pipeline_that_is_not_there(self):
        self.configure()
        self.refuses(USAGE, "wy", "way", command=("run", "--once", "wy"))

    # The tables of the source.

    def test_a_missing_table(self):
        self.configure("public.itmes: {}")
        self.refuses_everywhere(USAGE, "public.itmes", "public.items")

    def test_a_table_without_a_key(self):
        self.configure("public.keyless: {}")
        self.refuses_everywhere(USAGE, "public.keyless", "key")

    def test_a_key_column_that_is_not_there(self):
        self.configure("public.items: {key: [idd]}")
        self.refuses_everywhere(USAGE, "public.items", "idd", "id")

    def test_a_table_without_the_cursor_column(self):
        self.configure("public.cursorless: {}")
        self.refuses_everywhere(USAGE, "public.cursorless", "updated_at")

    def test_a_cursor_column_of_a_type_that_has_no_order_in_time(self):
        self.configure("public.odd: {}")
        self.refuses_everywhere(USAGE, "public.odd", "updated_at", "jsonb")

    def test_a_renamed_column_that_is_not_there(self):
        self.configure("public.items: {columns: {titel: title}}")
        self.refuses_everywhere(USAGE, "titel", "public.items")

    def test_an_omitted_column_that_is_not_there(self):
        """A misspelt column would reach the target although it was to be left out."""
        self.configure("public.items: {omit: [paylod]}")
        self.refuses_everywhere(USAGE, "paylod", "payload")

    def test_a_condition_that_is_not_sql(self):
        self.configure('public.items: {where: "category <"}')
        self.assertIn("public.items", self.syncline.run("run", "--once", expect=None).stderr)

    # The servers.

    def test_an_unreachable_server(self):
        self.configure(source=f"postgresql:///source?host={self.folder}&port=5432")
        self.refuses_everywhere(ENVIRONMENT, "source", str(self.folder))

    def test_an_unreachable_host(self):
        self.configure(source="postgresql://reader@127.0.0.1:1/source")
        self.refuses(ENVIRONMENT, "127.0.0.1")

    def test_a_wrong_password(self):
        self.configure(source=self.cluster.url("source", "secured", "wrong-horse"))
        message = self.refuses(ENVIRONMENT, "secured", "password")
        self.assertNotIn("wrong-horse", message)

    def test_the_right_password_from_the_environment(self):
        url = self.cluster.url("source", "secured", PASSWORD).replace(PASSWORD, "${SHOP_PASSWORD}")
        self.configure(source=url)
        self.syncline.run("run", "--once", env={"SHOP_PASSWORD": PASSWORD})

    def test_a_missing_database(self):
        self.configure(source=self.cluster.url("sorce"))
        self.refuses(ENVIRONMENT, "sorce")

    def test_a_target_that_may_not_be_written(self):
        self.cluster.create_database("guarded")
        self.cluster.execute("postgres", "ALTER DATABASE guarded SET default_transaction_read_only = on")
        self.configure(target=self.cluster.url("guarded"))
        self.refuses_everywhere(ENVIRONMENT, "default_transaction_read_only")

    def test_a_table_that_may_not_be_read(self):
        self.configure("public.hidden: {}", source=self.cluster.url("source", "stranger"))
        self.refuses_everywhere(ENVIRONMENT, "hidden", "GRANT SELECT")

    def test_a_sqlite_source_that_is_not_there(self):
        self.configure("items: {}", source="sqlite:nowhere.db")
        self.refuses(ENVIRONMENT, "nowhere.db")
        self.assertFalse((self.folder / "nowhere.db").exists(), "reading made the file")

    def test_a_sqlite_file_that_is_none(self):
        (self.folder / "text.db").write_text("This is no database, however long one reads in it. " * 50, encoding="utf-8")
        self.configure("items: {}", source="sqlite:text.db")
        self.refuses(ENVIRONMENT, "text.db")

    # The target.

    def test_a_target_table_that_lacks_a_column(self):
        self.target.execute("CREATE TABLE items(id INTEGER PRIMARY KEY, nam TEXT, updated_at TEXT)")
        self.configure("public.items: {create: false}")
        self.refuses(USAGE, "items", "no column source_id", "ALTER TABLE")

    def test_a_trigger_on_the_target_that_stamps_rows(self):
        self.target.execute(items.CREATE)
        self.target.execute("CREATE TRIGGER stamp AFTER UPDATE ON items BEGIN UPDATE items SET updated_at = '2030' WHERE id = new.id; END")
        self.configure("public.items: {}")
        told = [check for check in self.syncline.run("check", "--json").json()["checks"] if check["result"] == "warn"]
        self.assertTrue(any("trigger stamp may set updated_at" in check["message"] for check in told), told)

    def test_a_column_that_the_source_gets_later(self):
        source = PostgresDatabase(self.cluster, "drifting")
        items.create(source)
        items.load(source, 1, 10)
        self.configure("public.items: {new_columns: pause}", source=source.url)
        self.syncline.run("run", "--once")
        source.execute("ALTER TABLE items ADD COLUMN code int; UPDATE items SET code = 7, updated_at = now() WHERE id = 3")
        message = self.refuses(USAGE, "items", "no column code", "new_columns", "ALTER TABLE")
        self.refuses(USAGE, "no column code")  # a start without a change is no way out
        self.syncline.run("check", expect=USAGE)
        self.target.execute('ALTER TABLE "items"' + message.split('ALTER TABLE "items"')[1].split(";")[0])
        self.syncline.run("run", "--once")
        self.assertEqual(list(self.target.rows("SELECT id, code FROM items WHERE code IS NOT NULL")), [(3, 7)])

    def test_a_column_that_the_source_drops(self):
        source = PostgresDatabase(self.cluster, "dropping")
        items.create(source)
        items.load(source, 1, 10)
        self.configure(source=source.url)
        self.syncline.run("run", "--once")
        source.execute("ALTER TABLE items DROP COLUMN payload; UPDATE items SET category = 7, updated_at = now() WHERE id = 3")
        rename = 'ALTER TABLE "items" RENAME COLUMN "payload" TO its new name'
        self.refuses(USAGE, "public.items", "column payload is gone", rename, "changed_columns: keep")
        self.refuses(USAGE, "column payload is gone", command=("apply", "--once"))  # a start is no way out
        self.refuses(USAGE, "column payload is gone", rename, command=("check",))
        self.target.execute('ALTER TABLE "items" DROP COLUMN "payload"')
        self.syncline.run("run", "--once")
        self.assertEqual(list(self.target.rows("SELECT category FROM items WHERE id = 3")), [(7,)])

    def test_an_unknown_way_with_new_columns(self):
        self.configure("public.items: {new_columns: stop}")
        self.refuses(USAGE, "syncline.yaml:11", "new_columns", "evolve, ignore, pause")

    def test_a_target_table_without_the_key(self):
        self.target.execute(items.CREATE.replace("PRIMARY KEY", ""))
        self.configure()
        self.refuses(USAGE, "items", "CREATE UNIQUE INDEX")

    def test_a_missing_target_table_that_is_not_to_be_made(self):
        self.configure("public.items: {create: false}")
        self.refuses(USAGE, "items", "CREATE TABLE")

    def test_a_progress_row_of_another_log(self):
        self.configure()
        self.syncline.run("run", "--once")
        shutil.rmtree(self.folder / "log")
        self.refuses(USAGE, "progress row of pipeline way", "target.db", "belongs to log", "syncline replay")

    # The log.

    def test_a_log_of_another_source(self):
        self.configure()
        self.syncline.run("run", "--once")
        other = PostgresDatabase(self.cluster, "other")
        items.create(other)
        self.configure(source=other.url)
        self.refuses(USAGE, str(self.folder / "log"), "captured from", "/other")

    def test_a_locked_log(self):
        self.configure()
        with self.syncline.start("run") as process:
            eventually(lambda: list((self.folder / "log").glob("*/LOCK")) and self.arrived(), "the log")
            self.refuses(ENVIRONMENT, "log", "locked")
            process.terminate()

    def arrived(self):
        found = list(self.target.rows("SELECT count(*) FROM sqlite_master WHERE name = 'syncline_progress'"))
        return found[0][0]

    def test_a_folder_that_holds_something_else(self):
        (self.folder / "log" / "source").mkdir(parents=True)
        (self.folder / "log" / "source" / "letter.txt").write_text("Dear", encoding="utf-8")
        self.configure()
        self.refuses(USAGE, str(self.folder / "log"))
        self.assertEqual(os.listdir(self.folder / "log" / "source"), ["letter.txt"])

    def test_a_folder_that_may_not_be_written(self):
        self.configure(target=self.cluster.url("postgres"))
        # Root may write everywhere, so the program runs as somebody else, from a copy that this user can reach.
        binary = shutil.copy(BINARY, self.folder / "syncline")
        user = None
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody").pw_uid
        self.folder.chmod(0o555)
        with contextlib.ExitStack() as stack:
            stack.callback(self.folder.chmod, 0o755)
            self.refuses(ENVIRONMENT, str(self.folder / "log"), "ermission", user=user, binary=binary)


if __name__ == "__main__":
    unittest.main(verbosity=2)
