"""Odd tables, odd names and odd values: from PostgreSQL each arrives as it is, or is refused with what to do before anything is captured.

What arrives on PostgreSQL is compared as the server's own text of whole rows, on both sides under the same settings; on SQLite every row
is counted and the values that both can hold are compared.
"""

import contextlib
import unittest

from support.databases import PostgresDatabase, SqliteDatabase
from support.postgres import Cluster
from support.settings import announce
from support.syncline import Syncline, SystemTest

STAMP = "updated_at timestamptz NOT NULL DEFAULT now()"

# By the type of the key: three values.
KEYS = {
    "smallint": "-1, 0, 32767",
    "bigint": "-9223372036854775808, 0, 9223372036854775807",
    "numeric": "-1.50, 0, 1e30",
    "numeric(6,2)": "-1.50, 0, 1234.56",
    "real": "'-Infinity', 0.1, 3e38",
    "double precision": "'NaN', 0.1, 5e-324",
    "boolean": "true, false",
    "text": "'', 'a''b\\\\c', 'Zoë 😀'",
    "varchar(5)": "'', 'x', 'xxxxx'",
    "char(4)": "'a', 'ab', 'abcd'",
    "bytea": "'', '\\x00ff', '\\xdeadbeef'",
    "uuid": "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'",
    "date": "'-infinity', '4714-11-24 BC', '5874897-12-31'",
    "time": "'00:00', '23:59:59.999999', '24:00'",
    "timetz": "'00:00+14', '23:59:59-12'",
    "timestamp": "'-infinity', '4714-11-24 BC', '294276-12-31 23:59:59.999999'",
    "timestamptz": "'-infinity', '0001-01-01 BC', '294276-12-31 23:59:59.999999+00'",
    "interval": "'1 mon -1 day', '00:00:00.000001', '178000000 years'",
    "inet": "'10.0.0.1/8', '::1', '192.168.0.1'",
    "macaddr": "'08:00:2b:01:02:03'",
    "bit varying": "'', '101', '0000'",
    "color": "'blue', 'red', 'green'",
    "positive": "1, 2, 3",
    "int[]": "'{}', '{1,NULL}', '{{1,2},{3,4}}'",
    "int4range": "'empty', '[1,5)', '(,3)'",
    "jsonb": "'{}', '[1, null]', '\"x\"'",
    "oid": "0, 4294967295",
    "name": "'a', 'pg'",
}

VALUES = {
    "color": ["'red'", "NULL"],
    "positive": ["7"],
    "text": ["''", "repeat('x', 100000)", "E'tab\\tline\\nend\\\\.'", "'\\N'", "NULL"],
    "char(3)": ["'a'"],
    "\"char\"": ["'x'"],
    "real": ["'-0.0'", "'NaN'", "'Infinity'", "1.17549435e-38"],
    "double precision": ["'-0.0'", "'NaN'", "'-Infinity'", "0.1", "1.7976931348623157e308"],
    "numeric": ["'NaN'", "'Infinity'", "repeat('9', 1000)::numeric", "0.000", "'-0'", "1e-300"],
    "money": ["'12.34'"],
    "bytea": ["''", "decode(repeat('00ff', 5000), 'hex')"],
    "date": ["'infinity'", "'0001-01-01'", "'4713-01-01 BC'"],
    "timestamp": ["'infinity'", "'-infinity'", "'294276-12-31 23:59:59.999999'", "'1999-12-31 23:59:60'"],
    "timestamptz": ["'infinity'", "'294276-12-31 23:59:59.999999+00'", "'1883-11-18 12:03:57 America/New_York'"],
    "time": ["'24:00:00'"],
    "interval": ["'-1 mon +2 days -03:04:05.6'"],
    "json": ["'{\"a\": 1, \"a\" : 2}'", "'  [1,  2] '", "'null'"],
    "jsonb": ["'{\"b\": 1.0, \"a\": \"\\\\u00e9\"}'", "'null'", "'1e400'"],
    "int[]": ["'{1,NULL,3}'", "'[0:1]={1,2}'", "'{}'"],
    "text[]": ["'{\"a,b\",\"c\\\"d\",NULL,\"NULL\",\"\"}'", "'{{a,b},{c,d}}'"],
    "color[]": ["'{red,NULL}'"],
    "int4range": ["'[1,10)'", "'empty'"],
    "tstzrange": ["'[2020-01-01 00:00+00,infinity)'"],
    "int8multirange": ["'{[1,3),[5,9)}'"],
    "inet": ["'10.0.0.1'", "'10.0.0.1/8'", "'2001:db8::/32'"],
    "cidr": ["'10.0.0.0/8'"],
    "macaddr8": ["'08:00:2b:01:02:03:04:05'"],
    "bit(3)": ["'101'"],
    "bit varying": ["''"],
    "uuid": ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
    "point": ["'(1,-0.5)'"],
    "box": ["'(1,1),(0,0)'"],
    "tsvector": ["'a:1 b:2A'"],
    "xml": ["'<a b=\"c\">é</a>'"],
    "pg_lsn": ["'16/B374D848'"],
    "xid8": ["'18446744073709551615'", "'1'"],
    "pair": ["'(1,\"a,b\")'", "'(,)'"],
}


def types(database):
    database.execute(
        "CREATE TYPE color AS ENUM ('red', 'green', 'blue'); CREATE DOMAIN positive AS int CHECK (value > 0);"
        "CREATE TYPE pair AS (a int, b text)"
    )


class OddDataTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("odd_data_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def databases(self):
        name = self.id().rsplit(".", 1)[-1][:40]
        source, target = (PostgresDatabase(self.cluster, f"{name}_{side}") for side in ("s", "t"))
        for database in (source, target):
            types(database)
        return source, target, SqliteDatabase(self.folder / "target.db")

    def sync(self, source, target, sqlite, tables, in_sqlite=None):
        syncline = Syncline(self.folder, {
            "log": "./log",
            "databases": {"source": source.url, "postgres": target.url, "sqlite": sqlite.url},
            "defaults": {"cursor": "updated_at"},
            "pipelines": {
                "p": {"from": "source", "to": "postgres", "tables": tables},
                "q": {"from": "source", "to": "sqlite", "tables": in_sqlite or tables},
            },
        })  # fmt: skip
        return syncline, syncline.run("run", "--once", expect=None)

    def assert_same(self, source, target, table, columns="t"):
        settings = "SET extra_float_digits = 3; SET intervalstyle = postgres; SET timezone = 'UTC'"
        found = []
        for database in (source, target):
            with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
                cursor.execute(settings)
                cursor.execute(f"SELECT ROW({columns}.*)::text FROM {table} {columns}")
                found.append(sorted(row[0] for row in cursor))
        self.assertEqual(len(found[0]), len(found[1]), table)
        for left, right in zip(*found):
            self.assertEqual(left[:2000], right[:2000], table)
            self.assertEqual(left, right, table)

    def test_keys_of_every_type(self):
        source, target, sqlite = self.databases()
        tables = {}
        for number, (kind, values) in enumerate(KEYS.items()):
            table = f"k{number}"
            source.execute(
                f"CREATE TABLE {table}(k {kind} PRIMARY KEY, v int, {STAMP}); CREATE INDEX ON {table}(updated_at);"
                f"INSERT INTO {table} SELECT x::{kind}, 1 FROM unnest(ARRAY[{', '.join(f'({v})::text' for v in values.split(', '))}]) x"
                if kind not in ("int[]", "jsonb", "int4range", "text", "bytea", "interval")
                else f"CREATE TABLE {table}(k {kind} PRIMARY KEY, v int, {STAMP}); INSERT INTO {table}(k, v) VALUES "
                + ", ".join(f"({v}, 1)" for v in self._split(values))
            )
            tables[f"public.{table}"] = {}
        syncline, result = self.sync(source, target, sqlite, tables)
        self.assertEqual(result.code, 0, result.stderr)
        for table, kind in zip((f"k{n}" for n in range(len(KEYS))), KEYS):
            with self.subTest(kind):
                self.assert_same(source, target, table)
                count = next(source.rows(f"SELECT count(*) FROM {table}"))
                self.assertEqual(next(sqlite.rows(f"SELECT count(*) FROM {table}")), count)
            source.execute(f"UPDATE {table} SET v = 2, updated_at = now()")
        syncline.run("run", "--once")
        for table, kind in zip((f"k{n}" for n in range(len(KEYS))), KEYS):
            with self.subTest(f"{kind}, updated"):
                self.assert_same(source, target, table)
                self.assertEqual(set(sqlite.rows(f"SELECT v FROM {table}")), {(2,)})

    @staticmethod
    def _split(values):
        """At commas outside of quotes."""
        parts, quoted, current = [], False, ""
        for character in values:
            quoted ^= character == "'"
            if character == "," and not quoted:
                parts.append(current)
                current = ""
            else:
                current += character
        return [*parts, current]

    def test_values_of_every_type(self):
        source, target, sqlite = self.databases()
        tables = {}
        for number, (kind, values) in enumerate(VALUES.items()):
            table = f"v{number}"
            rows = ", ".join(f"({n}, ({value})::{kind})" for n, value in enumerate(values))
            source.execute(f"CREATE TABLE {table}(id int PRIMARY KEY, v {kind}, {STAMP}); INSERT INTO {table} VALUES {rows}")
            tables[f"public.{table}"] = {}
        _, result = self.sync(source, target, sqlite, tables)
        self.assertEqual(result.code, 0, result.stderr)
        for number, kind in enumerate(VALUES):
            with self.subTest(kind):
                self.assert_same(source, target, f"v{number}")
                count = next(source.rows(f"SELECT count(*), count(v) FROM v{number}"))
                self.assertEqual(next(sqlite.rows(f"SELECT count(*), count(v) FROM v{number}")), count)

    def test_1600_columns(self):
        source, target, sqlite = self.databases()
        columns = ", ".join(f"c{n} int" for n in range(1598))
        source.execute(f"CREATE TABLE wide(id int PRIMARY KEY, {STAMP}, {columns})")
        source.execute("INSERT INTO wide(id, c0, c1597) SELECT g, g, -g FROM generate_series(1, 100) g")
        syncline, result = self.sync(source, target, sqlite, {"public.wide": {}})
        self.assertEqual(result.code, 0, result.stderr)
        self.assert_same(source, target, "wide")
        source.execute("UPDATE wide SET c5 = id, updated_at = now() WHERE id < 50")
        syncline.run("run", "--once")
        self.assert_same(source, target, "wide")
        self.assertEqual(next(sqlite.rows("SELECT count(*), sum(c5), sum(c1597) FROM wide")), (100, 1225, -5050))

    def test_rows_of_10_mib(self):
        source, target, sqlite = self.databases()
        source.execute(
            f"CREATE TABLE big(id int PRIMARY KEY, t text, b bytea, {STAMP});"
            "INSERT INTO big SELECT g, repeat(md5(g::text), 327680), decode(repeat(md5(g::text), 327680), 'hex')"
            " FROM generate_series(1, 6) g"
        )
        syncline, result = self.sync(source, target, sqlite, {"public.big": {}})
        self.assertEqual(result.code, 0, result.stderr)
        source.execute("UPDATE big SET t = t || 'x', updated_at = now() WHERE id = 3")
        syncline.run("run", "--once")
        columns = "id, md5(t), md5(b), length(t)"
        self.assertEqual(*(sorted(d.rows(f"SELECT {columns} FROM big")) for d in (source, target)))
        self.assertEqual(
            sorted(sqlite.rows("SELECT id, length(t), length(b) FROM big")),
            sorted(source.rows("SELECT id, length(t), length(b) FROM big")),
        )

    def test_identifiers_of_every_kind(self):
        source, target, sqlite = self.databases()
        source.execute(
            f"""CREATE SCHEMA "odd schema"; CREATE TABLE "odd schema"."quo""ted: name"(
              "key $1" int, "sp ace" text, "UPPER" int, "sel""ect" int, "order" int, "ünï" text, "{'x' * 63}" int, {STAMP},
              PRIMARY KEY ("key $1", "sp ace"));
            CREATE INDEX ON "odd schema"."quo""ted: name"(updated_at);
            INSERT INTO "odd schema"."quo""ted: name" SELECT g, 'a b', g, g, g, 'é', g FROM generate_series(1, 20) g"""
        )
        name = '"odd schema"."quo""ted: name"'
        syncline, result = self.sync(
            source, target, sqlite, {"odd schema.*": {"to": "public.*"}}, {"odd schema.*": {"to": "*"}}
        )
        self.assertEqual(result.code, 0, result.stderr)
        self.assertEqual(next(sqlite.rows('SELECT count(*), sum("UPPER") FROM "quo""ted: name"')), (20, 210))
        self.assert_rows(source, name, target, 'public."quo""ted: name"', 20)
        source.execute(f'UPDATE {name} SET "sel""ect" = 0, updated_at = now() WHERE "key $1" < 10')
        syncline.run("run", "--once")
        self.assert_rows(source, name, target, 'public."quo""ted: name"', 20)

    def assert_rows(self, source, left, target, right, count):
        a, b = (sorted(row[0] for row in d.rows(f"SELECT t::text FROM {t} t")) for d, t in ((source, left), (target, right)))
        self.assertEqual(len(a), count)
        self.assertEqual(a, b)

    def test_partitioned_inherited_and_generated(self):
        source, target, sqlite = self.databases()
        source.execute(
            f"""CREATE TABLE parts(id int, region text, {STAMP}, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
            CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
            CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN ('b') PARTITION BY RANGE (id);
            CREATE TABLE parts_b1 PARTITION OF parts_b FOR VALUES FROM (0) TO (50);
            CREATE TABLE parts_b2 PARTITION OF parts_b FOR VALUES FROM (50) TO (1000);
            INSERT INTO parts SELECT g, CASE WHEN g % 2 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 99) g;
            CREATE TABLE generated(id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED, {STAMP});
            INSERT INTO generated(id, a) SELECT g, g FROM generate_series(1, 9) g"""
        )
        tables = {"public.parts": {}, "public.generated": {}}
        syncline, result = self.sync(source, target, sqlite, tables)
        self.assertEqual(result.code, 0, result.stderr)
        # A row that moves to another partition is a deletion and a new key.
        source.execute("UPDATE parts SET updated_at = now() WHERE id < 20; UPDATE generated SET a = 100, updated_at = now() WHERE id = 1")
        syncline.run("run", "--once")
        for table in ("parts", "generated"):
            self.assert_same(source, target, table)

    def test_databases_in_other_encodings(self):
        with contextlib.closing(self.cluster.connect("postgres")) as connection, connection.cursor() as cursor:
            for name, encoding in (("latin", "LATIN1"), ("ascii", "SQL_ASCII")):
                cursor.execute(f"CREATE DATABASE {name} ENCODING {encoding} TEMPLATE template0 LOCALE 'C'")
        _, target, sqlite = self.databases()
        latin = PostgresDatabase(self.cluster, "latin", create=False)
        latin.execute(f"CREATE TABLE t(id int PRIMARY KEY, v text, {STAMP}); INSERT INTO t VALUES (1, 'é' || chr(255))")
        _, result = self.sync(latin, target, sqlite, {"public.t": {}})
        self.assertEqual(result.code, 0, result.stderr)
        self.assertEqual(list(target.rows("SELECT v FROM t")), [("éÿ",)])
        self.assertEqual(list(sqlite.rows("SELECT v FROM t")), [("éÿ",)])

    def test_a_row_with_bytes_that_are_no_text_stays_at_the_source(self):
        with contextlib.closing(self.cluster.connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE bytes ENCODING SQL_ASCII TEMPLATE template0 LOCALE 'C'")
        _, target, sqlite = self.databases()
        source = PostgresDatabase(self.cluster, "bytes", create=False)
        source.execute(f"CREATE TABLE t(id int PRIMARY KEY, v text, {STAMP}); INSERT INTO t VALUES (1, E'\\\\xff'), (2, 'fine')")
        source.execute("UPDATE t SET v = convert_from('\\xff'::bytea, 'SQL_ASCII') WHERE id = 1")
        syncline, result = self.sync(source, target, sqlite, {"public.t": {}})
        self.assertEqual(result.code, 1, result.stderr)
        self.assertIn("1 of public.t (pipeline p)", result.stderr)
        self.assertIn("column v holds text that is not valid in UTF-8", result.stderr)
        self.assertEqual(list(target.rows("SELECT v FROM t")), [("fine",)])
        self.assertIn("SQL_ASCII", syncline.run("check", expect=None).stdout)

    def test_a_table_without_a_key_is_refused_with_advice(self):
        source, target, sqlite = self.databases()
        source.execute(f"CREATE TABLE loose(a int, {STAMP}); INSERT INTO loose VALUES (1)")
        _, result = self.sync(source, target, sqlite, {"public.loose": {}})
        self.assertEqual(result.code, 2)
        self.assertIn("public.loose: there is no primary key", result.stderr)
        self.assertIn("key: [...]", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
