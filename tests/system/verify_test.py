"""`verify` and `repair`: source, log and target compared while they are in use, and what has come apart mended.

The test alters targets, sources and rows at random and knows what it did; `verify` must name exactly that, `repair` mend exactly
that. Fails when a difference is overlooked or invented, when what is only on its way counts as one, when a repair writes a row
that was right, or does not bring a row that the log had missed.
"""

import contextlib
import random
import unittest

from support import items, mirrors, oracle
from support.databases import PostgresDatabase, SqliteDatabase, one
from support.postgres import Cluster
from support.settings import SEED, announce, scaled
from support.syncline import Syncline, SystemTest
from support.waiting import eventually
from support.writers import Writers, item_writers

ROWS = scaled(3_000, 200_000)
CORRUPTIONS = 1_000
BUSY_ROWS = 300
ROUNDS = scaled(20, 200)  # of verify beside writers


def assert_same(source, target):
    oracle.assert_equal(
        oracle.Table(source, "items", items.COLUMNS), oracle.Table(target, "items", items.COLUMNS)
    )


@contextlib.contextmanager
def writing(database):
    """A cursor of one transaction."""
    with contextlib.closing(database.connect()) as connection:
        cursor = connection.cursor()
        if database.dialect == "sqlite":
            cursor.execute("BEGIN IMMEDIATE")
        yield cursor
        connection.commit()


def mark(database):
    return "%s" if database.dialect == "postgres" else "?"


class Corruption:
    """Damage done to a target's items, and what was done to which row."""

    VALUES = {"name": "damaged", "category": 12345, "price": "0.07", "payload": "damaged", "version": -1}

    def __init__(self, target, rows, count, seed):
        rng = random.Random(f"{seed}/corruption")
        self.expected = {}
        with writing(target) as cursor:
            for number in rng.sample(range(1, rows + 1), count):
                getattr(self, f"_{rng.choice(('value', 'null', 'lost', 'extra'))}")(target, cursor, number, rng)

    def _value(self, target, cursor, number, rng):
        column = rng.choice(list(self.VALUES))
        cursor.execute(
            f"UPDATE items SET {column} = {mark(target)} WHERE id = {number}", (self.VALUES[column],)
        )
        self.expected[number] = ("differing", [column])

    def _null(self, target, cursor, number, rng):
        column = rng.choice(("source_id", "price", "updated_at", "version"))
        cursor.execute(f"UPDATE items SET {column} = NULL WHERE id = {number}")
        self.expected[number] = ("differing", [column])

    def _lost(self, _, cursor, number, __):
        cursor.execute(f"DELETE FROM items WHERE id = {number}")
        self.expected[number] = ("missing", [])

    def _extra(self, target, cursor, number, _):
        row = next(items.generate(10**6 + number, 1))
        cursor.execute(f"INSERT INTO items VALUES ({', '.join([mark(target)] * len(row))})", row)
        self.expected[row[0]] = ("extra", [])


class VerifyTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        announce("verify_test")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def database(self, kind, name):
        if kind == "postgres":
            return PostgresDatabase(self.cluster, name)
        return SqliteDatabase(self.folder / f"{name}.db")

    def set_up(self, source_kind, target_kind, rows=ROWS, create_target=None, expect=0, **table):
        self.source, self.target = self.database(source_kind, "source"), self.database(target_kind, "target")
        items.create(self.source)
        items.load(self.source, 1, rows, SEED)
        if create_target:
            self.target.execute(create_target)
        name = "public.items" if source_kind == "postgres" else "items"
        self.syncline = Syncline(self.folder, {
            "log": "./log",
            "databases": {"from": self.source.url, "to": self.target.url},
            "defaults": {"every": "20ms", "cursor": "updated_at"},
            "pipelines": {"way": {"from": "from", "to": "to", "tables": {name: {"to": "items", **table}}}},
        })  # fmt: skip
        self.syncline.run("run", "--once", expect=expect)

    def verify(self, expect=0, *options):
        """The table's findings."""
        told = self.syncline.run("verify", "--json", "--rows", "0", "--wait", "1s", *options, expect=expect).json()
        self.assertEqual(told["equal"], expect == 0)
        return told["pipelines"][0]["tables"][0]

    def found(self, *options):
        table = self.verify(4, *options)
        self.assertEqual((table["in_flight"], table["unread"]), (0, 0))
        for difference in ("missing", "extra", "differing"):
            self.assertEqual(table[difference], sum(row["difference"] == difference for row in table["rows"]))
        return {row["key"]["id"]: row for row in table["rows"]}

    def repair(self, *options, expect=0):
        return self.syncline.run("repair", "way", "--json", "--wait", "1s", *options, expect=expect).json()

    # 1,000 corruptions of a target.

    def check_corruptions(self, source_kind, target_kind):
        self.set_up(source_kind, target_kind)
        items.change(self.source, ROWS, 500, SEED)
        self.syncline.run("run", "--once")
        equal = self.verify()
        rows = one(self.source, "SELECT count(*) FROM items")
        self.assertEqual((equal["equal"], equal["in_flight"]), (rows, 0))

        corruption = Corruption(self.target, ROWS, CORRUPTIONS, SEED)
        before = self.writers_of_rows()
        found = self.found()
        self.assertEqual(
            {key: (row["difference"], row["columns"]) for key, row in found.items()}, corruption.expected
        )
        self.assertEqual({row["why"] for row in found.values()}, {"altered"})
        self.assertEqual(self.found("--by", "sums"), found)  # the servers make them where both are PostgreSQL

        dry = self.repair("--dry-run", expect=4)
        self.assertEqual(len(dry["tables"][0]["rows"]), CORRUPTIONS)
        self.assertEqual(self.writers_of_rows(), before)
        done = self.repair()
        self.assertEqual((done["written"], done["recaptured"], done["refused"]), (CORRUPTIONS, 0, []))
        assert_same(self.source, self.target)
        after = self.writers_of_rows()
        touched = {key for key in after if before.get(key) != after[key]}
        if target_kind == "postgres":
            mended = {key for key, (difference, _) in corruption.expected.items() if difference != "extra"}
            self.assertEqual(touched, mended, "only what differed was written")
        self.assertEqual(one(self.target, "SELECT count(*) FROM syncline_conflicts"), 0)
        for by in ("rows", "sums"):
            self.assertEqual(self.verify(0, "--by", by)["equal"], rows)

    def writers_of_rows(self):
        """Which transaction has written each row, where the database tells."""
        if self.target.dialect == "postgres":
            return dict(self.target.rows("SELECT id, xmin::text FROM items"))
        return dict(self.target.rows("SELECT id, price FROM items"))

    def test_corruptions_from_postgres_to_postgres(self):
        self.check_corruptions("postgres", "postgres")

    def test_corruptions_from_postgres_to_sqlite(self):
        self.check_corruptions("postgres", "sqlite")

    def test_corruptions_from_sqlite_to_postgres(self):
        self.check_corruptions("sqlite", "postgres")

    def test_corruptions_from_sqlite_to_sqlite(self):
        self.check_corruptions("sqlite", "sqlite")

    # Beside users and a running pipeline.

    def check_busy(self, source_kind, target_kind, rounds):
        self.set_up(source_kind, target_kind, rows=2_000)
        in_flight = 0
        with self.syncline.start("run") as run:
            self.wait_for_the_writer()
            with Writers(item_writers(self.source, 2_000, SEED)):
                for _ in range(rounds):
                    in_flight += self.verify()["in_flight"]
                # Rows that the users above leave alone.
                items.load(self.source, 5 * 10**8, 100, SEED)
                self.source.execute(f"UPDATE items SET updated_at = {self.source.now} WHERE id >= {5 * 10**8} AND id < {5 * 10**8 + 100}")
                eventually(self.has_extra_rows, "the rows to arrive")
                self.target.execute(f"UPDATE items SET name = 'damaged' WHERE id >= {5 * 10**8} AND id < {5 * 10**8 + 100}")
                self.assertEqual(self.verify(4)["differing"], 100)
                self.assertEqual(self.repair()["written"], 100)
                self.assertEqual(self.verify()["differing"], 0)
            print(f"{source_kind} -> {target_kind}: {rounds} rounds, {in_flight} rows left in flight", flush=True)
            eventually(self.in_step, "the target to follow")
            self.assertEqual(self.verify()["in_flight"], 0)
            run.terminate()
        assert_same(self.source, self.target)

    def wait_for_the_writer(self):
        """Until then `verify` would write the log itself, and a run that starts just then find it locked."""
        eventually(lambda: (self.folder / "log" / "from" / "control").exists(), "the writer's socket")

    def has_extra_rows(self):
        return one(self.target, f"SELECT count(*) FROM items WHERE id >= {5 * 10**8} AND id < {5 * 10**8 + 100}") == 100

    def in_step(self):
        return one(self.target, "SELECT sum(version) FROM items") == one(self.source, "SELECT sum(version) FROM items")

    def test_busy_postgres_to_postgres(self):
        self.check_busy("postgres", "postgres", ROUNDS)

    def test_busy_postgres_to_sqlite(self):
        self.check_busy("postgres", "sqlite", ROUNDS // 5)

    def test_busy_sqlite_to_postgres(self):
        self.check_busy("sqlite", "postgres", ROUNDS // 5)

    def check_repair_of_busy_rows(self, target_kind):
        """Damage to rows that users change all the time. Fails when a repair brings a state that the target's offset is already
        past, or has yet to reach: then versions go back, or the next change of the row meets a conflict."""
        self.set_up("postgres", target_kind, rows=BUSY_ROWS)
        if target_kind == "postgres":
            self.target.execute(mirrors.AUDIT)
        else:
            for sql in mirrors.AUDIT_SQLITE:
                self.target.execute(sql)
        rng, written = random.Random(SEED), 0
        with self.syncline.start("run") as run:
            self.wait_for_the_writer()
            with Writers(item_writers(self.source, BUSY_ROWS, SEED)):
                for _ in range(scaled(3, 100)):
                    with writing(self.target) as cursor:
                        for number in sorted(rng.sample(range(1, BUSY_ROWS + 1), BUSY_ROWS // 2)):
                            cursor.execute(f"UPDATE items SET name = 'damaged' WHERE id = {number}")
                    written += self.repair(expect=None)["written"]
            eventually(self.in_step, "the target to follow")
            self.repair()
            run.terminate()
        print(f"{target_kind}: {written} busy rows mended", flush=True)
        assert_same(self.source, self.target)
        self.assertEqual(one(self.target, "SELECT count(*) FROM syncline_conflicts"), 0)
        back = """SELECT count(*) FROM (
            SELECT version < lag(version) OVER (PARTITION BY id ORDER BY number) AS wrong FROM writes) w WHERE wrong"""
        self.assertEqual(one(self.target, back), 0)

    def test_repair_of_busy_rows_on_postgres(self):
        self.check_repair_of_busy_rows("postgres")

    def test_repair_of_busy_rows_on_sqlite(self):
        self.check_repair_of_busy_rows("sqlite")

    # What capture does not see.

    def check_missed(self, source_kind, target_kind, running):
        self.set_up(source_kind, target_kind, rows=1_000)
        with contextlib.ExitStack() as stack:
            run = stack.enter_context(self.syncline.start("run")) if running else None
            if running:
                self.wait_for_the_writer()
            with writing(self.source) as cursor:
                cursor.execute("UPDATE items SET payload = 'unstamped' WHERE id <= 50")
                cursor.execute("DELETE FROM items WHERE id > 50 AND id <= 80")
                cursor.execute("INSERT INTO items(id, name) VALUES (5001, 'no cursor')")
            self.target.execute("UPDATE items SET payload = 'damaged' WHERE id <= 10")
            found = self.found()
            kinds = {
                key: (row["difference"], row["why"]) for key, row in found.items()
            }
            expected = {number: ("differing", "missed") for number in range(1, 51)}
            expected.update({number: ("extra", "gone") for number in range(51, 81)})
            expected[5001] = ("missing", "no_cursor")
            self.assertEqual(kinds, expected)
            self.assertEqual(self.repair("--keep-extra", expect=4)["recaptured"], 50)
            if not running:
                self.assertEqual(self.repair("--dry-run", "--keep-extra", expect=4)["in_flight"], 50)
                self.syncline.run("apply", "--once")
            self.assertEqual(
                {key: row["why"] for key, row in self.found().items()},
                {5001: "no_cursor", **{number: "gone" for number in range(51, 81)}},
            )
            self.assertEqual(self.repair(expect=4)["recaptured"], 30)
            if not running:
                self.syncline.run("apply", "--once")
            self.assertEqual(list(self.found()), [5001])
            if run:
                run.terminate()
        self.source.execute("DELETE FROM items WHERE id = 5001")
        assert_same(self.source, self.target)
        self.verify()
        self.assertEqual(one(self.target, "SELECT count(*) FROM syncline_conflicts"), 0)

    def test_missed_postgres_to_postgres_running(self):
        self.check_missed("postgres", "postgres", running=True)

    def test_missed_sqlite_to_sqlite_running(self):
        self.check_missed("sqlite", "sqlite", running=True)

    def test_missed_sqlite_to_postgres_not_running(self):
        self.check_missed("sqlite", "postgres", running=False)

    # Every kind of value and key.

    ODD = """
        CREATE TYPE mood AS ENUM ('sad', 'glad', 'b,"x');
        CREATE TABLE "Odd table"(
          "the key" text, at timestamptz, code uuid, small smallint, mood mood, list text[], document jsonb, raw json, ratio double precision,
          measure real, amount numeric, bytes bytea, day date, moment timestamp, time time, flag boolean, fixed char(7), span int4range,
          secret text, ignored int, "updated ""at"" col" timestamptz NOT NULL DEFAULT '2020-01-01', PRIMARY KEY ("the key", at, code));
        INSERT INTO "Odd table"("the key", at, code, small, mood, list, document, raw, ratio, measure, amount, bytes, day, moment, time, flag, fixed, span, secret, ignored)
        SELECT (ARRAY['it''s', 'back\\slash', '', 'Käse 寿司', 'a,b)', '"'])[1 + g % 6] || g,
          CASE g % 50 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' ELSE timestamptz '2000-01-01 00:00:00.000001+00' + g * interval '1 hour' END,
          md5(g::text)::uuid, g % 100, (ARRAY['sad', 'glad', 'b,"x', NULL])[1 + g % 4]::mood, ARRAY['x', NULL, 'a"b', g::text],
          jsonb_build_object('g', g, 'n', NULL), ('{"b": 1,  "a": ' || g || '}')::json, (ARRAY['NaN', '-0', 'Infinity', '0.1', '1e300'])[1 + g % 5]::float8,
          (ARRAY['NaN', '0.1', '-Infinity', '3.4e38'])[1 + g % 4]::real, (ARRAY['NaN', '1.50', '0.000', '12345678901234567890.5'])[1 + g % 4]::numeric,
          decode(md5(g::text), 'hex'), date '0044-03-15 BC' + g, timestamp '1999-12-31 23:59:59.999999' + g * interval '1 day',
          time '23:59:59.999999', g % 3 = 0, 'fix' || g % 10, int4range(g, g + 5), 'secret ' || g, g % 3
        FROM generate_series(1, 600) g"""

    def check_odd_values(self, target_kind):
        """Fails when a key is not found again by its text, or a value that is equal has another form on the other side."""
        self.source, self.target = self.database("postgres", "source"), self.database(target_kind, "target")
        self.source.execute(self.ODD)
        if target_kind == "postgres":
            self.target.execute("CREATE TYPE mood AS ENUM ('sad', 'glad', 'b,\"x')")
        self.syncline = Syncline(self.folder, {
            "log": "./log",
            "databases": {"from": self.source.url, "to": self.target.url},
            "pipelines": {"way": {"from": "from", "to": "to", "tables": {'public."Odd table"': {
                "to": "odd", "cursor": 'updated "at" col', "columns": {"small": "Small \"one\""}, "omit": ["secret"], "where": "ignored < 2 -- most"}}}},
        })  # fmt: skip
        self.syncline.run("run", "--once")
        rows = one(self.source, 'SELECT count(*) FROM "Odd table" WHERE ignored < 2')
        for by in ("rows", "sums"):
            self.assertEqual(self.verify(0, "--by", by)["equal"], rows)
        damage = {
            "Small \"one\"": "777", "list": "'{x}'", "document": "'{}'", "raw": "'{}'", "ratio": "0.25", "measure": "0.5", "amount": "2.5",
            "bytes": "NULL", "day": "'2020-01-01'", "moment": "'2020-01-01 00:00:00.000000'", "time": "'00:00:00.000000'", "flag": "NULL",
            "fixed": "'other'", "span": "'empty'", "ignored": "NULL",
        }  # fmt: skip
        quoted = {column: '"' + column.replace('"', '""') + '"' for column in damage}
        keys = list(self.target.rows('SELECT "the key" FROM odd ORDER BY "the key"'))
        random.Random(SEED).shuffle(keys)
        expected = {}
        with writing(self.target) as cursor:
            for (key,), (column, value) in zip(keys, damage.items()):
                cursor.execute(f'UPDATE odd SET {quoted[column]} = {value} WHERE "the key" = {mark(self.target)}', (key,))
                expected[key] = [column]
            for (key,) in keys[100:120]:
                cursor.execute(f'DELETE FROM odd WHERE "the key" = {mark(self.target)}', (key,))
                expected[key] = []
        table = self.verify(4)
        self.assertEqual({row["key"]["the key"]: row["columns"] for row in table["rows"]}, expected)
        self.assertEqual({row["why"] for row in table["rows"]}, {"altered"})
        with writing(self.source) as cursor:  # unstamped, and gone
            cursor.execute('UPDATE "Odd table" SET list = NULL WHERE "the key" = %s', (keys[200][0],))
            cursor.execute('DELETE FROM "Odd table" WHERE "the key" = %s', (keys[201][0],))
        done = self.repair()
        self.assertEqual((done["written"], done["recaptured"]), (len(expected), 2))
        self.syncline.run("apply", "--once")
        self.assertEqual(self.verify()["equal"], rows - 1)

    def test_odd_values_from_postgres_to_postgres(self):
        self.check_odd_values("postgres")

    def test_odd_values_from_postgres_to_sqlite(self):
        self.check_odd_values("sqlite")

    # Differences that are meant to be.

    def test_a_target_that_rounds_is_equal(self):
        """Fails when values are compared otherwise than as the target stores them."""
        self.set_up("postgres", "postgres", create_target="""CREATE TABLE items(
            id int PRIMARY KEY, source_id numeric, name char(30), category smallint, price numeric(12,1), payload varchar(200),
            deleted text, updated_at timestamptz(0), version real)""")  # fmt: skip
        self.assertEqual(self.verify()["equal"], ROWS)
        self.target.execute("UPDATE items SET price = price + 0.1, name = NULL WHERE id = 3")
        found = self.found()
        self.assertEqual([(key, row["columns"]) for key, row in found.items()], [(3, ["name", "price"])])
        self.repair()
        self.assertEqual(self.verify()["equal"], ROWS)

    def check_deletions(self, on_delete, target_kind):
        """Fails when a row that is deleted in another way than by its absence counts as missing or extra."""
        self.set_up("postgres", target_kind, rows=1_000, deletes={"by": "soft", "column": "deleted"}, on_delete=on_delete)
        with writing(self.source) as cursor:
            cursor.execute("UPDATE items SET deleted = NOT coalesce(deleted, FALSE), updated_at = now() WHERE id <= 100")
        self.syncline.run("run", "--once")
        rows = one(self.source, "SELECT count(*) FROM items WHERE NOT coalesce(deleted, FALSE)")
        for by in ("rows", "sums"):
            table = self.verify(0, "--by", by)
            self.assertEqual((table["equal"], table["in_flight"]), (rows, 0))
        number = one(self.source, "SELECT max(id) FROM items WHERE NOT coalesce(deleted, FALSE)")
        self.target.execute(f"UPDATE items SET payload = 'damaged' WHERE id = {number}")
        self.assertEqual(list(self.found()), [number])
        self.repair()
        self.assertEqual(self.verify()["equal"], rows)

    def test_soft_deletions_that_delete(self):
        self.check_deletions("delete", "sqlite")

    def test_soft_deletions_that_flag_on_postgres(self):
        self.check_deletions({"flag": "gone_at"}, "postgres")

    def test_soft_deletions_that_flag_on_sqlite(self):
        self.check_deletions({"flag": "gone_at"}, "sqlite")

    def test_soft_deletions_that_the_target_ignores(self):
        self.check_deletions("ignore", "postgres")

    def test_rows_that_refer_to_each_other_are_mended_whatever_comes_first(self):
        """Fails when a row is given up because the one that it refers to is mended in a later transaction."""
        self.source, self.target = self.database("postgres", "source"), self.database("postgres", "target")
        tables = """CREATE TABLE parents(id int PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT '2020-01-01');
            CREATE TABLE children(id int PRIMARY KEY, parent int REFERENCES parents, updated_at timestamptz NOT NULL DEFAULT '2020-01-01')"""
        self.source.execute(tables + """; INSERT INTO parents SELECT generate_series(1, 1500);
            INSERT INTO children SELECT g, g FROM generate_series(1, 1500) g""")
        self.target.execute(tables)
        self.syncline = Syncline(self.folder, {
            "log": "./log",
            "databases": {"from": self.source.url, "to": self.target.url},
            "defaults": {"cursor": "updated_at"},
            "pipelines": {"way": {"from": "from", "to": "to", "tables": {"public.children": {}, "public.parents": {}}}},
        })  # fmt: skip
        self.syncline.run("run", "--once")
        self.target.execute("""DELETE FROM children; DELETE FROM parents; INSERT INTO parents SELECT generate_series(9001, 9600);
            INSERT INTO children SELECT g, g FROM generate_series(9001, 9600) g""")
        done = self.repair()
        self.assertEqual((done["written"], done["refused"]), (2 * (1500 + 600), []))
        self.assertEqual([table["equal"] for table in done["left"]["tables"]], [1500, 1500])

    def test_what_is_parked_or_kept_is_said_and_left(self):
        self.set_up("postgres", "postgres", rows=1_000, conflict="target_wins", expect=1, create_target=items.CREATE.replace(
            "category int", "category int CHECK (category < 90)"))  # fmt: skip
        refused = one(self.source, "SELECT count(*) FROM items WHERE category >= 90")
        self.target.execute("UPDATE items SET payload = 'kept', updated_at = now() WHERE id IN (1, 2)")
        with writing(self.source) as cursor:
            cursor.execute("UPDATE items SET payload = 'new', updated_at = now() WHERE id IN (1, 2)")
        self.syncline.run("run", "--once", expect=1)  # rows are refused still
        kinds = [row["why"] for row in self.found().values()]
        self.assertEqual((kinds.count("parked"), kinds.count("kept"), len(kinds)), (refused, 2, refused + 2))
        self.assertEqual(self.repair(expect=4)["written"], 0)
        self.assertEqual(self.repair("--conflicts", expect=4)["written"], 2)
        self.assertEqual({row["why"] for row in self.found().values()}, {"parked"})

    def test_a_log_that_has_folded_its_frames_is_looked_up_in_its_base(self):
        self.set_up("sqlite", "sqlite", rows=1_000)
        configuration = (self.folder / "syncline.yaml").read_text().replace('"log":', '"retain": {"size": "1KiB"}, "log":', 1)
        self.syncline.configure(configuration)
        rows = 1_000
        for seed in range(3):
            rows += items.change(self.source, rows, 200, seed)
            self.syncline.run("run", "--once")
        self.assertGreater(self.syncline.run("log", "stat", "--json").json()["begin"], 0)
        corruption = Corruption(self.target, 1_000, 100, SEED)
        self.assertEqual({row["why"] for row in self.found().values()}, {"altered"})
        self.assertEqual(self.repair()["written"], len(corruption.expected))
        assert_same(self.source, self.target)


if __name__ == "__main__":
    unittest.main()
