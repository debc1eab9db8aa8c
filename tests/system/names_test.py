"""What names mean: whatever schemas, operators, tables and functions others put into a database, Syncline uses the system's and
its own, and runs nobody's code as its role."""

import json
import os
import unittest

from support.databases import PostgresDatabase, SqliteDatabase, one
from support.postgres import Cluster
from support.syncline import Syncline, SystemTest
from support.waiting import eventually

# Becomes a superuser's by whoever runs it as one; a file tells where a transaction may not write.
EVIL = """CREATE FUNCTION {name}({arguments}) RETURNS {returns} LANGUAGE plpgsql AS $$ BEGIN
  BEGIN EXECUTE 'COPY (SELECT 1) TO ''{file}'''; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'ALTER ROLE mallory SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
  RETURN {result}; END $$"""
ITEMS = """CREATE TABLE items({key} PRIMARY KEY, name varchar(20), updated_at timestamptz NOT NULL DEFAULT clock_timestamp());
  CREATE INDEX ON items(updated_at); INSERT INTO items SELECT g, 'n' FROM generate_series(1, 5) g"""

RECONCILE = {"by": "reconcile", "every": "1ms"}
PROGRESS = """CREATE TABLE syncline_progress(pipeline text NOT NULL PRIMARY KEY, log_id text NOT NULL,
  epoch bigint NOT NULL, next_offset bigint NOT NULL, reached_offset bigint NOT NULL, frame_hash text NOT NULL,
  updated_at timestamptz NOT NULL)"""


class NamesTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.execute("postgres", "CREATE ROLE mallory LOGIN; CREATE ROLE owner1 LOGIN")

    def setUp(self):
        super().setUp()
        self.evidence = f"{self.cluster.folder}/evidence"
        self.addCleanup(self._forget)

    def _forget(self):
        self.cluster.execute("postgres", "ALTER ROLE mallory NOSUPERUSER")
        if os.path.exists(self.evidence):
            os.unlink(self.evidence)

    def database(self, name, *statements, user="mallory"):
        """A database of postgres's, in whose schema public the others may create; the statements are mallory's."""
        made = PostgresDatabase(self.cluster, name)
        made.execute("GRANT CREATE, USAGE ON SCHEMA public TO mallory, owner1")
        self.run_as(user, made, *statements)
        return made

    def run_as(self, user, database, *statements):
        connection = self.cluster.connect(database.name, user)
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.close()

    def evil(self, name, arguments="", returns="trigger", result="new"):
        return EVIL.format(name=name, arguments=arguments, returns=returns, result=result, file=self.evidence)

    def syncline(self, source, target, tables=None, folder="", **defaults):
        return Syncline(
            self.folder / folder,
            {
                "log": "./log",
                "databases": {"from": source if isinstance(source, str) else source.url,
                              "to": target if isinstance(target, str) else target.url},
                "defaults": {"every": "20ms", "cursor": "updated_at", **defaults},
                "pipelines": {"way": {"from": "from", "to": "to", "tables": tables or {"public.items": {}}}},
            },
        )  # fmt: skip

    def assert_no_harm(self):
        self.assertFalse(os.path.exists(self.evidence), "somebody's code ran as Syncline's role")
        connection = self.cluster.connect("postgres")
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'")
            self.assertFalse(cursor.fetchone()[0], "mallory is a superuser")
        connection.close()

    def test_a_progress_table_that_somebody_else_made_is_refused(self):
        # Seen to fail before the owner was looked at: mallory was a superuser after one run.
        source = self.database("names_source", ITEMS.format(key="id int"))
        target = self.database(
            "names_target",
            PROGRESS,
            self.evil("evil"),
            "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON syncline_progress FOR EACH ROW EXECUTE FUNCTION evil()",
        )
        syncline = self.syncline(source, target)
        for command in (("run", "--once"), ("status",), ("check",), ("offsets", "show")):
            result = syncline.run(*command, expect=None)
            self.assertIn("belongs to role mallory", result.stdout + result.stderr, command)
        self.assertEqual(syncline.run("run", "--once", expect=2).code, 2)
        self.assert_no_harm()
        # What the hint says keeps the rows and lets Syncline make its own.
        target.execute("ALTER TABLE public.syncline_progress RENAME TO syncline_progress_other")
        syncline.run("run", "--once")
        self.assertEqual(one(target, "SELECT count(*) FROM items"), 5)
        self.assert_no_harm()
        # One of its own that got a trigger.
        target.execute("CREATE TRIGGER t BEFORE UPDATE ON syncline_progress FOR EACH ROW EXECUTE FUNCTION evil()")
        source.execute("UPDATE items SET updated_at = clock_timestamp()")
        self.assertIn("DROP TRIGGER", syncline.run("run", "--once", expect=2).stderr)
        self.assert_no_harm()

    def test_a_table_that_is_replaced_while_apply_runs_is_not_written_to(self):
        # The schema's owner may drop and make tables; seen to fail where own tables are looked at on connect only.
        source = self.database("names_source", ITEMS.format(key="id int"))
        target = self.database("names_target", self.evil("evil"))
        target.execute("ALTER SCHEMA public OWNER TO mallory; ALTER DATABASE names_target OWNER TO mallory")
        with self.syncline(source, target).start("run") as process:
            eventually(lambda: one(target, "SELECT to_regclass('items') IS NOT NULL"), "the first copy")
            eventually(lambda: one(target, "SELECT count(*) FROM items") == 5, "the first copy")
            self.run_as(
                "mallory", target,
                "BEGIN; DROP TABLE syncline_progress;" + PROGRESS + """;
                CREATE TRIGGER t BEFORE INSERT OR UPDATE ON syncline_progress FOR EACH STATEMENT EXECUTE FUNCTION evil();
                COMMIT""",
            )  # fmt: skip
            source.execute("UPDATE items SET updated_at = clock_timestamp()")
            eventually(lambda: "belongs to role mallory" in process.output(), "the refusal")
            process.terminate(expect=None)
        self.assert_no_harm()

    def test_operators_and_functions_before_the_systems_are_not_used(self):
        # Seen to fail before search_path was set to nothing: the file was written on connect.
        source = PostgresDatabase(self.cluster, "names_source")
        source.execute("ALTER DATABASE names_source OWNER TO owner1; CREATE SCHEMA evil AUTHORIZATION owner1")
        functions = {
            "set_config": ("text, text, boolean", "text", "$2"),
            "current_setting": ("text", "text", "pg_catalog.current_setting($1)"),
            "pg_backend_pid": ("", "int", "pg_catalog.pg_backend_pid()"),
            "pg_current_snapshot": ("", "pg_snapshot", "pg_catalog.pg_current_snapshot()"),
            "clock_timestamp": ("", "timestamptz", "pg_catalog.clock_timestamp()"),
            "same": ("int, int", "boolean", "$1 OPERATOR(pg_catalog.=) $2"),
            "same_text": ("text, text", "boolean", "$1 OPERATOR(pg_catalog.=) $2"),
        }
        self.run_as(
            "owner1", source,
            ITEMS.format(key="id int").replace("TABLE items", "TABLE public.items"),
            *(self.evil(f"evil.{name}", *rest) for name, rest in functions.items()),
            "CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.same)",
            "CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same_text)",
            "ALTER DATABASE names_source SET search_path = evil, pg_catalog, public",
        )  # fmt: skip
        target = SqliteDatabase(self.folder / "to.db")
        syncline = self.syncline(source, target, deletes=RECONCILE)
        for command in ("check", "run", "verify"):
            syncline.run(command, *(["--once"] if command == "run" else []))
        self.assertEqual(one(target, "SELECT count(*) FROM items"), 5)
        self.assert_no_harm()

    def test_a_types_own_operators_of_public_are_not_the_systems(self):
        # varchar has no `=` of its own: with public in the path the nearest one would be mallory's. Seen to fail so.
        source = self.database(
            "names_source", ITEMS.format(key="id varchar(10)"),
            self.evil("vceq", "varchar, varchar", "boolean", "$1::text OPERATOR(pg_catalog.=) $2::text"),
            self.evil("vcgt", "varchar, varchar", "boolean", "$1::text OPERATOR(pg_catalog.>) $2::text"),
            "CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = vceq)",
            "CREATE OPERATOR public.> (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = vcgt)",
        )  # fmt: skip
        target = PostgresDatabase(self.cluster, "names_target")
        syncline = self.syncline(source, target, deletes=RECONCILE)
        syncline.run("run", "--once")
        source.execute("DELETE FROM items WHERE id OPERATOR(pg_catalog.=) '3'")
        source.execute("UPDATE items SET name = 'm', updated_at = clock_timestamp()")
        syncline.run("run", "--once")
        syncline.run("verify")
        self.assertEqual(sorted(target.rows("SELECT id, name FROM items")), [(str(i), "m") for i in (1, 2, 4, 5)])
        self.assert_no_harm()

    def test_keys_are_compared_by_the_types_own_operators(self):
        # Seen to fail with `=` under an empty search_path: citext is compared as text, hstore not at all.
        for number, key in enumerate(("citext", "citext_domain", "hstore")):
            with self.subTest(key):
                source, target = (PostgresDatabase(self.cluster, f"names_{side}") for side in ("source", "target"))
                for database in (source, target):
                    database.execute("CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE DOMAIN citext_domain AS citext")
                key_of = "('k=>' || {})::hstore" if key == "hstore" else "('Key' || {})::citext"
                source.execute(
                    f"""CREATE TABLE items(id {key}, n int, updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                      PRIMARY KEY (id, n)); CREATE INDEX ON items(updated_at);
                    INSERT INTO items SELECT {key_of.format("g")}, g FROM generate_series(1, 300) g"""
                )
                for deletes in ("tombstones", RECONCILE):
                    syncline = self.syncline(source, target, deletes=deletes, folder=key)
                    if deletes == "tombstones":
                        syncline.run("prepare", "--apply")
                    syncline.run("run", "--once")
                    source.execute(f"DELETE FROM items WHERE n = {number * 10 + (3 if deletes == RECONCILE else 4)}")
                    source.execute("UPDATE items SET updated_at = clock_timestamp() WHERE n < 280")
                    syncline.run("run", "--once")
                    syncline.run("verify")
                self.assertEqual(one(target, "SELECT count(*) FROM items"), 298)

    def test_a_where_names_schemas(self):
        source = self.database(
            "names_source", ITEMS.format(key="id int"), "CREATE FUNCTION even(int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 % 2 = 0'"
        )
        target = SqliteDatabase(self.folder / "to.db")
        syncline = self.syncline(source, target, {"public.items": {"where": "even(id)"}})
        self.assertIn("public.f(..)", syncline.run("run", "--once", expect=2).stderr)
        syncline = self.syncline(source, target, {"public.items": {"where": "public.even(id)"}})
        syncline.run("run", "--once")
        self.assertEqual(one(target, "SELECT count(*) FROM items"), 2)

    def test_a_trigger_that_needs_a_path_stops_apply_and_is_named(self):
        source = self.database("names_source", ITEMS.format(key="id int"))
        target = PostgresDatabase(self.cluster, "names_target")
        target.execute(
            """CREATE TABLE items(id int PRIMARY KEY, name text, updated_at timestamptz); CREATE TABLE audit(id int);
            CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS
              $$ BEGIN INSERT INTO audit VALUES (new.id); RETURN new; END $$;
            CREATE FUNCTION fine() RETURNS trigger LANGUAGE plpgsql AS
              $$ BEGIN INSERT INTO public.audit VALUES (-new.id); new.name := upper(new.name); RETURN new; END $$;
            CREATE TRIGGER a BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION log_it();
            CREATE TRIGGER b BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION fine()"""
        )
        syncline = self.syncline(source, target)
        alter = "ALTER FUNCTION public.log_it() SET search_path = public, pg_temp;"
        told = [check for check in syncline.run("check", "--json").json()["checks"] if "search_path" in check["message"]]
        self.assertEqual([alter in check["hint"] for check in told], [True], told)
        self.assertIn(alter, syncline.run("run", "--once", expect=1).stderr)
        self.assertEqual(one(target, "SELECT count(*) FROM syncline_quarantine"), 0)
        target.execute(alter)
        syncline.run("run", "--once")
        self.assertEqual(one(target, "SELECT count(*), sum(id) FROM audit"), 10)

    def test_check_names_roles_that_may_too_much_and_functions_of_others(self):
        source = self.database(
            "names_source", ITEMS.format(key="id int"), self.evil("spy", "", "boolean", "true"),
            "CREATE VIEW seen AS SELECT * FROM items WHERE spy()",
        )  # fmt: skip
        target = self.database(
            "names_target", ITEMS.format(key="id int"), self.evil("evil"),
            "CREATE TRIGGER t BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION evil()",
        )  # fmt: skip
        # The role is a superuser in this test: `check` does not read the view, whose function would run as it.
        syncline = self.syncline(source, target, {"public.items": {}})
        checks = syncline.run("check", "--json", expect=2).json()["checks"]
        for result, part in (
            ("warn", "from: role postgres is a superuser"), ("warn", "way -> to: role postgres is a superuser"),
            ("warn", "to public.items: role mallory decides"),
            ("fail", "to public.items: trigger t of table public.items on the target runs public.evil()"),
        ):  # fmt: skip
            told = [f"{c['subject']}: {c['message']}" for c in checks if c["result"] == result]
            self.assertTrue(any(part in line for line in told), (part, told))
        syncline.run("run", "--once", expect=2)
        self.assert_no_harm()
        # A view that is meant to be one: whose functions run as Syncline's role is said.
        view = self.syncline(source, target, {"public.seen": {"key": ["id"]}}, folder="view")
        source.execute("ALTER FUNCTION spy() OWNER TO mallory; CREATE OR REPLACE FUNCTION spy() RETURNS boolean LANGUAGE sql AS 'SELECT true'")
        told = [c["message"] for c in view.run("check", "--json", expect=None).json()["checks"] if c["result"] == "warn"]
        self.assertTrue(any("view seen (public.spy())" in line for line in told), told)

    def test_what_strangers_make_does_not_run_as_a_role_that_is_no_superuser(self):
        # Seen to fail where a member of the owner was trusted, where a type's owner was not looked at, and where the
        # lock for DDL was waited for: mallory's functions ran as `writer`, and a first start ended with 55P03.
        self.cluster.execute("postgres", "CREATE ROLE writer LOGIN; CREATE ROLE devs; GRANT devs TO writer, mallory")
        source = PostgresDatabase(self.cluster, "names_source")
        source.execute("CREATE TYPE mood AS ENUM ('n');" + ITEMS.format(key="id int").replace("varchar(20)", "mood"))
        target = self.database(
            "names_target", "CREATE TABLE proof(who text); GRANT INSERT ON proof TO PUBLIC",
            """CREATE FUNCTION spy(text) RETURNS boolean LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO public.proof VALUES (current_user); RETURN true; END $$""",
        )  # fmt: skip
        target.execute("GRANT USAGE, CREATE ON SCHEMA public TO writer, devs")
        syncline = self.syncline(source.url, self.cluster.url(target.name, "writer"))

        def refused(*words):
            self.assertRegex(syncline.run("run", "--once", expect=None).stderr, ".*".join(words))
            self.assertEqual(one(target, "SELECT count(*) FROM proof"), 0)

        # The owner is a group that both are in.
        self.run_as("mallory", target, "SET ROLE devs", PROGRESS.replace("pipeline text", "pipeline text CHECK (spy(pipeline))"))
        refused("belongs to role devs")
        # What mallory has left in it stays suspect, whoever owns it.
        target.execute("ALTER TABLE syncline_progress OWNER TO writer")
        refused("has a check constraint, syncline_progress_pipeline_check")
        target.execute("ALTER TABLE syncline_progress RENAME TO syncline_progress_other")
        self.run_as("mallory", target, "CREATE DOMAIN mood AS text CHECK (spy(VALUE))")
        refused("column name of public.items: type public.mood on the target belongs to role mallory")
        target.execute("ALTER DOMAIN mood RENAME TO mood_other; CREATE TYPE mood AS ENUM ('n')")
        # Whoever can connect can hold the lock that Syncline's processes take turns with.
        target.execute("DROP TABLE syncline_progress, syncline_conflicts, syncline_quarantine, syncline_schemas")
        connection = self.cluster.connect(target.name, "mallory")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(x'53594E434C494E45'::bigint)")
            syncline.run("run", "--once")
        connection.close()
        self.assertEqual(one(target, "SELECT count(*) FROM items"), 5)
        # A table of mallory's is written to, and a warning says what of it runs as Syncline's role.
        self.run_as(
            "mallory", target, "CREATE TABLE own(id int PRIMARY KEY, name text, updated_at timestamptz CHECK (spy('')))",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON own TO writer",
        )  # fmt: skip
        target.execute("DELETE FROM syncline_progress")  # another log's
        to_own = self.syncline(source.url, self.cluster.url(target.name, "writer"), {"public.items": {"to": "public.own"}}, folder="own")
        self.assertRegex(to_own.run("run", "--once").stderr, "runs as Syncline's role role=mallory table=public.own")

    def test_a_table_that_has_become_a_view_is_not_read(self):
        # Seen to fail before capture noted what a table was: the view's function ran as a superuser.
        swap = (
            self.evil("spy", "", "boolean", "true"), "ALTER TABLE items RENAME TO items_t",
            "CREATE VIEW items AS SELECT * FROM items_t WHERE spy()",
        )  # fmt: skip
        tables = {"public.items": {"key": ["id"]}}
        for running in (False, True):
            with self.subTest(running=running):
                target = SqliteDatabase(self.folder / f"{running}.db")
                source = self.database("names_source", ITEMS.format(key="id int"))
                syncline = self.syncline(source, target, tables, folder=f"{running}")
                if running:
                    with syncline.start("run") as process:
                        there = "SELECT count(*) FROM sqlite_master WHERE name = 'items'"
                        eventually(lambda: one(target, there), "the target's table")
                        eventually(lambda: one(target, "SELECT count(*) FROM items") == 5, "the first copy")
                        self.run_as("mallory", source, "BEGIN;" + ";".join(swap) + "; COMMIT")
                        eventually(lambda: "is a view now" in process.output(), "the refusal")
                        process.terminate(expect=None)
                else:
                    syncline.run("run", "--once")
                    self.run_as("mallory", source, *swap)
                told = syncline.run("run", "--once", expect=3).stderr
                self.assertIn("public.items was captured as a table, and is a view now", told)
                for command in ("check", "verify"):
                    syncline.run(command, expect=None)
                self.assert_no_harm()

    def test_the_least_privileges_are_enough(self):
        """The statements are those that `check` and SECURITY.md name."""
        self.cluster.execute(
            "postgres",
            """DO $$ BEGIN CREATE ROLE syncline_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
            DO $$ BEGIN CREATE ROLE syncline_writer LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$""",
        )
        for made_by_us in (True, False):
            with self.subTest(made_by_us=made_by_us):
                source = PostgresDatabase(self.cluster, "names_source")
                source.execute(ITEMS.format(key="id int"))
                folder = f"made {made_by_us}"
                self.syncline(source, "sqlite:none.db", deletes="tombstones", folder=folder).run("prepare", "--apply")
                target = PostgresDatabase(self.cluster, "names_target")
                source.execute(
                    """GRANT USAGE ON SCHEMA public TO syncline_reader;
                    GRANT SELECT ON public.items, public.syncline_tombstones_items TO syncline_reader"""
                )
                target.execute("GRANT USAGE, CREATE ON SCHEMA public TO syncline_writer")
                if not made_by_us:
                    target.execute(ITEMS.format(key="id int").replace("5)", "0)"))
                    target.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON public.items TO syncline_writer")
                syncline = self.syncline(
                    self.cluster.url(source.name, "syncline_reader"), self.cluster.url(target.name, "syncline_writer"),
                    deletes="tombstones", folder=folder,
                )  # fmt: skip
                checks = syncline.run("check", "--json").json()["checks"]
                self.assertFalse([c for c in checks if "role" in c["message"] and c["result"] != "pass"], checks)
                syncline.run("run", "--once")
                source.execute("DELETE FROM items WHERE id = 2")
                source.execute("UPDATE items SET name = 'm', updated_at = clock_timestamp() WHERE id = 3")
                syncline.run("run", "--once")
                syncline.run("verify")
                self.assertEqual(one(target, "SELECT count(*) FROM items"), 4)

    def test_tables_of_an_earlier_version_in_another_schema_are_moved_by_hand(self):
        source = self.database("names_source", ITEMS.format(key="id int"))
        target = PostgresDatabase(self.cluster, "names_target")
        syncline = self.syncline(source, target)
        syncline.run("run", "--once")
        own = ("progress", "conflicts", "quarantine", "schemas")
        target.execute("CREATE SCHEMA old;" + "".join(f"ALTER TABLE syncline_{name} SET SCHEMA old;" for name in own))
        moves = [f'ALTER TABLE "old"."syncline_{name}" SET SCHEMA public;' for name in own]
        told = syncline.run("run", "--once", expect=2).stderr
        for move in moves:
            self.assertIn(move, told)
        target.execute("".join(moves))
        syncline.run("run", "--once")

    def test_types_that_an_earlier_version_noted_without_their_schema_are_the_same(self):
        source, target = (PostgresDatabase(self.cluster, f"names_{side}") for side in ("source", "target"))
        for database in (source, target):
            database.execute("CREATE EXTENSION citext")
        source.execute(ITEMS.format(key="id int").replace("varchar(20)", "citext"))
        syncline = self.syncline(source, target)
        syncline.run("run", "--once")
        noted = json.loads(one(target, "SELECT columns FROM syncline_schemas"))
        self.assertIn("public.citext", [column["type"] for column in noted])
        target.execute("UPDATE syncline_schemas SET columns = replace(columns, 'public.citext', 'citext')")
        source.execute("UPDATE items SET updated_at = clock_timestamp()")
        syncline.run("run", "--once")


if __name__ == "__main__":
    unittest.main()
