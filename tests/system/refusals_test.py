"""Names that are one in SQLite, rows that a target refuses or a source cannot give, tables that inherit, types that are
missing: nothing of it is silent, and nothing stops what it does not concern."""

import unittest

from support.databases import SqliteDatabase, one
from support.syncline import Syncline
from support.two_databases import STAMP, TwoDatabasesTest

USAGE = 2


class RefusalsTest(TwoDatabasesTest):
    # Names.

    def test_names_that_are_one_in_sqlite_are_refused(self):
        # Seen to fail before names were compared without case: two tables became one, and `check` passed.
        source = self.postgres(
            "names_one",
            f'CREATE TABLE item(id int PRIMARY KEY, v text, {STAMP}); CREATE TABLE "Item"(id int PRIMARY KEY, {STAMP})',
        )
        syncline = self.syncline(source, f"sqlite:{self.folder}/m.db")
        for command in (("check",), ("run", "--once")):
            result = syncline.run(*command, expect=USAGE)
            self.assertIn("both go to", result.stdout + result.stderr)
            self.assertIn("upper from lower case", result.stdout + result.stderr)
        # The sibling: by entries of their own, one of them under another name.
        tables = {"public.item": {"to": "ITEM2"}, 'public."Item"': {"to": "item2"}}
        result = self.syncline(source, f"sqlite:{self.folder}/m.db", tables).run("run", "--once", expect=USAGE)
        self.assertIn("both go to", result.stderr)
        tables['public."Item"'] = {"to": "item3"}
        self.syncline(source, f"sqlite:{self.folder}/m.db", tables).run("run", "--once")

    def test_columns_that_are_one_in_sqlite_are_refused_before_anything_is_made(self):
        source = self.postgres(
            "columns_one", f'CREATE TABLE item(id int PRIMARY KEY, "Name" text, name text, {STAMP});'
            "INSERT INTO item VALUES (1, 'upper', 'lower')")  # fmt: skip
        target = self.folder / "c.db"
        syncline = self.syncline(source, f"sqlite:{target}")
        self.assertIn("would be one column", syncline.run("check", expect=USAGE).stdout)
        self.assertIn("would be one column", syncline.run("run", "--once", expect=USAGE).stderr)
        tables = {"public.item": {"columns": {"Name": "title"}}}
        self.syncline(source, f"sqlite:{target}", tables).run("run", "--once")
        self.assertEqual(list(SqliteDatabase(target).rows("SELECT title, name FROM item")), [("upper", "lower")])

    def test_a_column_whose_case_changes_is_the_same_column(self):
        # Seen to fail with a hint to DROP the target's column.
        source = self.sqlite("s.db", "CREATE TABLE item(id integer PRIMARY KEY, name text, updated_at text)",
                             "INSERT INTO item VALUES(1, 'a', '2026-01-01 00:00:00')")  # fmt: skip
        target = self.sqlite("t.db")
        syncline = self.syncline(source, target, {"item": {}})
        syncline.run("run", "--once")
        source.execute("ALTER TABLE item RENAME name TO Name")
        source.execute("INSERT INTO item VALUES(2, 'b', '2026-01-02 00:00:00')")
        syncline.run("run", "--once")
        self.assertEqual(list(target.rows("SELECT name FROM item ORDER BY id")), [("a",), ("b",)])
        syncline.run("verify")
        # A target that spells its columns in another way is none that lacks them.
        upper = self.sqlite("u.db", "CREATE TABLE ITEM(ID integer PRIMARY KEY, NAME text, Updated_At text)")
        self.syncline(source, upper, {"item": {}}, new_columns="pause").run("offsets", "set", "way", "0", expect=None)
        (self.folder / "other").mkdir()
        other = Syncline(self.folder / "other", {
            "log": "./log", "databases": {"from": source.url, "to": upper.url}, "defaults": {"cursor": "updated_at"},
            "pipelines": {"way": {"from": "from", "to": "to", "tables": {"item": {"new_columns": "pause"}}}}})  # fmt: skip
        other.run("run", "--once")
        self.assertEqual(list(upper.rows("SELECT NAME FROM ITEM ORDER BY ID")), [("a",), ("b",)])
        other.run("verify")

    # What a target refuses.

    def test_a_character_that_the_target_lacks_parks_its_row(self):
        # Seen to fail with SQLSTATE 22P05 for the quarantine's own row, which stopped the pipeline.
        source = self.sqlite("s.db", "CREATE TABLE item(id integer PRIMARY KEY, v text, updated_at text)",
                             "INSERT INTO item VALUES(1, 'ok', '2026-01-01'), (2, 'café', '2026-01-01'), "
                             "(3, '5 €', '2026-01-01'), (4, 'ok', '2026-01-01')")  # fmt: skip
        target = self.postgres("latin1", options="ENCODING 'LATIN1' LOCALE 'C'")
        syncline = self.syncline(source, target, {"item": {}})
        self.assertIn("refused 1", syncline.run("run", "--once", expect=1).stdout)
        parked = syncline.run("quarantine", "list", "--json").json()["parked"]
        self.assertEqual([change["key"] for change in parked], [{"id": 3}])
        self.assertIn("a character that the database's encoding lacks", parked[0]["reason"])
        self.assertEqual(list(target.rows("SELECT v FROM item ORDER BY id")), [("ok",), ("café",), ("ok",)])
        source.execute("UPDATE item SET v = '5 EUR', updated_at = '2026-01-02' WHERE id = 3")
        syncline.run("run", "--once", expect=None)
        syncline.run("quarantine", "retry", "way")
        self.assertEqual(one(target, "SELECT v FROM item WHERE id = 3"), "5 EUR")

    def test_a_character_that_the_target_lacks_in_a_key_and_in_an_older_row(self):
        source = self.sqlite("s.db", "CREATE TABLE item(id text PRIMARY KEY, v text, updated_at text)",
                             "INSERT INTO item VALUES('€', 'x', '2026-01-01'), ('a', '€', '2026-01-01')")  # fmt: skip
        target = self.postgres(
            "latin1_key",
            "CREATE TABLE item(id text PRIMARY KEY, v text, updated_at timestamptz);"
            "INSERT INTO item VALUES('a', 'é', '2026-06-01')",
            options="ENCODING 'LATIN1' LOCALE 'C'",
        )
        syncline = self.syncline(source, target, {"item": {}})
        syncline.run("run", "--once", expect=1)
        parked = syncline.run("quarantine", "list", "--json").json()["parked"]
        self.assertEqual([change["key"] for change in parked], [{"id": "a"}, {"id": "€"}])
        self.assertEqual(one(target, "SELECT v FROM item WHERE id = 'a'"), "é")

    def test_row_security_and_triggers_of_the_target_park_what_they_refuse(self):
        # Seen to fail with a hint to GRANT, and with nothing parked.
        source = self.postgres(
            "policy_source",
            f"CREATE TABLE item(id int PRIMARY KEY, tenant int, {STAMP}); INSERT INTO item VALUES(1,1),(2,1),(3,2),(4,1)",
            f"CREATE TABLE other(id int PRIMARY KEY, v int, {STAMP}); INSERT INTO other VALUES(1,1),(2,-1),(3,1)",
        )
        target = self.postgres("policy_target")
        target.execute("CREATE ROLE policy_writer LOGIN; ALTER SCHEMA public OWNER TO policy_writer;"
                       "CREATE TABLE item(id int PRIMARY KEY, tenant int, updated_at timestamptz); GRANT ALL ON item TO policy_writer;"
                       "ALTER TABLE item ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON item USING (true) WITH CHECK (tenant = 1);"
                       "CREATE TABLE other(id int PRIMARY KEY, v int, updated_at timestamptz); GRANT ALL ON other TO policy_writer")  # fmt: skip
        target.execute("""CREATE FUNCTION positive() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF NEW.v < 0 THEN RAISE EXCEPTION 'no' USING ERRCODE = 'ACME1'; END IF; RETURN NEW; END $$;
            CREATE TRIGGER positive BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION positive()""")
        syncline = self.syncline(source, self.cluster.url("policy_target", "policy_writer"), {"public.*": {}})
        syncline.run("run", "--once", expect=1)
        parked = syncline.run("quarantine", "list", "--json").json()["parked"]
        reasons = {change["table"]: (change["key"], change["reason"]) for change in parked}
        self.assertEqual(len(parked), 2, parked)
        self.assertEqual(reasons["public.item"], ({"id": 3}, "a policy of the table's row security refuses the row"))
        self.assertEqual(reasons["public.other"], ({"id": 2}, "a trigger or function of the target raises an exception"))
        self.assertEqual(list(target.rows("SELECT id FROM item ORDER BY id")), [(1,), (2,), (4,)])

    # What a source cannot give.

    def test_a_row_with_invalid_bytes_is_set_aside_with_its_key(self):
        # Seen to fail with SQLSTATE 22021, which stopped the capture of all tables.
        source = self.postgres(
            "bytes_source",
            "CREATE TABLE item(id int PRIMARY KEY, a text, b text, updated_at timestamptz DEFAULT now());"
            "CREATE TABLE other(id int PRIMARY KEY, updated_at timestamptz DEFAULT now()); INSERT INTO other VALUES(1);"
            "INSERT INTO item SELECT g, 'ok', 'ok' FROM generate_series(1, 1000) g;"
            r"UPDATE item SET b = convert_from('\x41ff'::bytea, 'SQL_ASCII') WHERE id IN (1, 777, 1000)",
            options="ENCODING 'SQL_ASCII' LOCALE 'C'",
        )
        target = self.postgres("bytes_target")
        syncline = self.syncline(source, target, {"item": {}, "other": {}})
        result = syncline.run("run", "--once", expect=1)
        self.assertIn("column b holds text that is not valid in UTF-8", result.stderr)
        self.assertIn("3 rows stay at the source, not captured: 3 of public.item (pipeline", result.stderr)
        self.assertEqual(one(target, "SELECT count(*) FROM item"), 997)
        self.assertEqual(one(target, "SELECT count(*) FROM other"), 1)
        unreadable = syncline.run("status", "--json", expect=None).json()["pipelines"][0]["unreadable"]
        self.assertEqual([(row["table"], row["key"]) for row in unreadable],
                         [("public.item", "1"), ("public.item", "777"), ("public.item", "1000")])  # fmt: skip
        self.assertIn("cannot give its text", syncline.run("verify", expect=4).stdout)
        # Polls go on as the load did: one more goes bad, one is mended.
        source.execute(r"UPDATE item SET a = convert_from('\xfe'::bytea, 'SQL_ASCII'), updated_at = now() WHERE id = 5;"
                       "UPDATE item SET b = 'mended', updated_at = now() WHERE id = 777;"
                       "UPDATE item SET b = 'quietly mended' WHERE id = 1")  # fmt: skip
        syncline.run("run", "--once", expect=1)
        self.assertEqual(one(target, "SELECT b FROM item WHERE id = 777"), "mended")
        self.assertEqual(one(target, "SELECT b FROM item WHERE id = 1"), "quietly mended")
        unreadable = syncline.run("status", "--json", expect=None).json()["pipelines"][0]["unreadable"]
        self.assertEqual([row["key"] for row in unreadable], ["5", "1000"])

    def test_invalid_bytes_in_a_key_and_characters_without_equivalent(self):
        source = self.postgres(
            "bytes_key",
            "CREATE TABLE item(id text PRIMARY KEY, updated_at timestamptz DEFAULT now());"
            r"INSERT INTO item VALUES ('a'), (convert_from('\x62ff'::bytea, 'SQL_ASCII')), ('c')",
            options="ENCODING 'SQL_ASCII' LOCALE 'C'",
        )
        target = self.postgres("bytes_key_target")
        syncline = self.syncline(source, target, {"item": {}})
        syncline.run("run", "--once", expect=1)
        self.assertEqual(list(target.rows("SELECT id FROM item ORDER BY id")), [("a",), ("c",)])
        unreadable = syncline.run("status", "--json", expect=None).json()["pipelines"][0]["unreadable"]
        self.assertEqual([row["key"] for row in unreadable], [r"b\377"])

    def test_a_row_that_stops_its_pipeline_is_named_by_its_key(self):
        # Seen to fail with "row 3", its place in a batch.
        source = self.sqlite(
            "keys.db", "CREATE TABLE item(a TEXT, b INT, v TEXT, updated_at TEXT, PRIMARY KEY(a, b))",
            "INSERT INTO item VALUES ('x', 11, 'v', '2026-01-01'), ('x', 12, 'v', '2026-01-01'), ('y', 14, NULL, '2026-01-01')",
        )  # fmt: skip
        target = self.sqlite("keys_target.db", "CREATE TABLE item(a TEXT, b INT, v TEXT NOT NULL, updated_at TEXT, PRIMARY KEY(a, b))")
        result = self.syncline(source, target, quarantine={"limit": 0}).run("run", "--once", expect=1)
        self.assertIn("the row with the key (y, 14): ", result.stderr)
        self.assertNotIn("row 2", result.stderr)

    # Tables that inherit.

    def test_a_table_is_read_and_written_without_its_heirs(self):
        # Seen to fail: the heirs' rows were in the parent, too, and `verify` said "equal".
        shape = (f"CREATE TABLE item(id int PRIMARY KEY, v text, {STAMP}); CREATE TABLE book(isbn text, PRIMARY KEY(id)) INHERITS(item);")
        source = self.postgres("heirs_source", shape, "INSERT INTO item VALUES(1, 'lamp'), (3, 'chair'); INSERT INTO book VALUES(2, 'book')")
        target = self.postgres("heirs_target", shape)
        tables = {"public.*": {"deletes": {"by": "reconcile", "every": "1ms"}}}
        syncline = self.syncline(source, target, tables)
        self.assertIn("captured as tables of their own", syncline.run("check", expect=None).stdout)
        syncline.run("run", "--once")
        rows = "SELECT tableoid::regclass::text, id, v FROM item ORDER BY 1, 2"
        self.assertEqual(list(target.rows(rows)), list(source.rows(rows)))
        syncline.run("verify")
        # A key that parent and heir share is two rows; what happens to one leaves the other alone.
        source.execute("INSERT INTO item VALUES(2, 'same id, other row')")
        syncline.run("run", "--once")
        self.assertEqual(list(target.rows(rows)), list(source.rows(rows)))
        source.execute("DELETE FROM ONLY item WHERE id IN (2, 3); UPDATE book SET v = 'read', updated_at = now()")
        syncline.run("run", "--once")
        self.assertEqual(list(target.rows(rows)), [("book", 2, "read"), ("item", 1, "lamp")])
        syncline.run("verify")
        only = self.syncline(source, target, {"public.item": {}}).run("check", expect=None)
        self.assertIn("not captured: public.book", only.stdout)

    def test_verify_counts_rows_and_not_keys(self):
        # Seen to fail: the view's key repeats, and both sides were "equal".
        source = self.postgres(
            "repeats", f"CREATE TABLE base(id int, v text, {STAMP}); CREATE VIEW item AS SELECT * FROM base;"
            "INSERT INTO base VALUES(1, 'a'), (2, 'b'), (2, 'c')")  # fmt: skip
        syncline = self.syncline(source, self.postgres("repeats_target"), {"public.item": {"key": ["id"]}})
        self.assertIn("rows that share their key (id)", syncline.run("check", expect=USAGE).stdout)
        syncline.run("run", "--once")
        result = syncline.run("verify", expect=4)
        self.assertIn("1 rows of the source have the key of another one", result.stdout)
        self.assertEqual(syncline.run("verify", "--json", expect=4).json()["pipelines"][0]["tables"][0]["repeated"], 1)

    # What is missing.

    def test_missing_types_are_told_all_at_once_with_what_makes_them(self):
        source = self.postgres(
            "types_source",
            "CREATE SCHEMA extra; CREATE TYPE mood AS ENUM('a', 'it''s'); CREATE DOMAIN yr AS int CHECK (VALUE > 0);"
            "CREATE TYPE extra.pair AS (m mood, n numeric(4,1)); CREATE TYPE span AS RANGE (subtype = yr);"
            f"CREATE TABLE f(id int PRIMARY KEY, m mood[], y yr, p extra.pair, s span, {STAMP});"
            "INSERT INTO f VALUES(1, '{a}', 1, ROW('a', 1.5), '[1,2)')",
        )
        target = self.postgres("types_target")
        syncline = self.syncline(source, target, {"public.f": {}})
        check = syncline.run("check", "--json", expect=USAGE).json()
        failed = [line for line in check["checks"] if line["result"] == "fail"]
        self.assertEqual(len(failed), 1, failed)
        for name in ("m (", "y (", "p (", "s ("):
            self.assertIn(name, failed[0]["message"])
        statements = failed[0]["hint"].split("run: ", 1)[1].split(" Or make", 1)[0]
        target.execute(statements)  # as they stand there
        syncline.run("check", expect=None)
        syncline.run("run", "--once")
        self.assertEqual(one(target, "SELECT f::text FROM (SELECT m, y, p, s FROM f) f"), '({a},1,"(a,1.5)","[1,2)")')

    def test_check_and_run_agree_about_a_dropped_table(self):
        # Seen to fail: `check` said that the table "will be made", and `run` refused to.
        source = self.sqlite("s.db", "CREATE TABLE a(id integer PRIMARY KEY, name text, updated_at text)",
                             "INSERT INTO a VALUES(1, 'x', '2026-01-01 00:00:00'), (2, 'y', '2026-01-01 00:00:00')")  # fmt: skip
        target = self.sqlite("t.db")
        syncline = self.syncline(source, target, {"a": {}})
        syncline.run("run", "--once")
        target.execute("DROP TABLE a")
        for command in (("check",), ("run", "--once")):
            result = syncline.run(*command, expect=None)
            self.assertNotEqual(result.code, 0)
            self.assertIn("table a is not on", result.stdout + result.stderr)
            self.assertIn("syncline offsets set way 0", result.stdout + result.stderr)
        syncline.run("offsets", "set", "way", "0")
        syncline.run("check")
        syncline.run("run", "--once")
        self.assertEqual(one(target, "SELECT count(*) FROM a"), 2)
        # The sibling: the table goes to another one now.
        syncline = self.syncline(source, target, {"a": {"to": "a2"}})
        self.assertIn("table a is not on", syncline.run("check", expect=None).stdout)
        self.assertIn("table a is not on", syncline.run("run", "--once", expect=None).stderr)

    def test_a_generated_column_of_the_target_is_left_out_by_itself(self):
        # Seen to fail: "is generated and cannot be written".
        source = self.postgres("computes_source", f"CREATE TABLE t(id int PRIMARY KEY, a int, b int, {STAMP}); INSERT INTO t VALUES(1, 2, 99)")
        target = self.postgres("computes_target", "CREATE TABLE t(id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED, updated_at timestamptz)")
        lite = self.sqlite("g.db", "CREATE TABLE t(id integer PRIMARY KEY, a int, B int AS (a + 1), updated_at text)")
        for database in (target, lite):
            syncline = self.syncline(source, database, {"public.t": {}})
            self.assertIn("by itself, so the source's is left out", syncline.run("check").stdout)
            syncline.run("run", "--once")
            syncline.run("verify")
        self.assertEqual(one(target, "SELECT b FROM t"), 4)
        self.assertEqual(one(lite, "SELECT B FROM t"), 3)

    def test_a_replay_into_another_kind_of_database(self):
        # Seen to fail: unknown database "public".
        source = self.postgres("replay_source", f"CREATE SCHEMA x; CREATE TABLE c(id int PRIMARY KEY, {STAMP}); CREATE TABLE x.d(id int PRIMARY KEY, {STAMP});"
                               "INSERT INTO c VALUES(1); INSERT INTO x.d VALUES(2)")  # fmt: skip
        syncline = self.syncline(source, self.postgres("replay_target"), {"public.c": {}, "x.d": {"to": "x.dd"}})
        syncline.run("run", "--once")
        syncline.run("replay", "way", "--into", f"sqlite:{self.folder}/rebuilt.db")
        rebuilt = SqliteDatabase(self.folder / "rebuilt.db")
        self.assertEqual((one(rebuilt, "SELECT id FROM c"), one(rebuilt, "SELECT id FROM dd")), (1, 2))
        syncline.run("replay", "way", "--into", self.postgres("replay_again").url)
        # From SQLite's names into schemas, and names that would become one there.
        lite = self.syncline(source, f"sqlite:{self.folder}/m.db", {"public.c": {}, "x.d": {"to": "e"}})
        lite.run("run", "--once")
        again = self.postgres("replay_schemas")
        lite.run("replay", "way", "--into", again.url)
        self.assertEqual(one(again, "SELECT id FROM c"), 1)
        self.assertEqual(one(again, "SELECT id FROM x.e"), 2)
        both = self.syncline(source, self.postgres("replay_both"), {"public.c": {"to": "public.t"}, "x.d": {"to": "x.T"}})
        self.assertIn("would both become", both.run("replay", "way", "--into", f"sqlite:{self.folder}/z.db", expect=USAGE).stderr)


if __name__ == "__main__":
    unittest.main()
