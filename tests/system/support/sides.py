"""Databases that users write to on their own, for tests of two directions."""

import contextlib
import random
import time

KEYS = 200


class Side:
    """A database with its users."""

    def __init__(self, name, database, skew=0, coarse=False, nullable=False):
        self.name, self.database = name, database
        postgres = database.dialect == "postgres"
        self.table = "public.items" if postgres else "items"
        self.now = (
            f"clock_timestamp() + interval '{skew} s'"
            if postgres
            else f"strftime('%Y-%m-%d %H:%M:%f', 'now', '+{skew} seconds') || '000+00'"
        )
        if coarse:
            self.now = ("date_trunc('second', clock_timestamp())" if postgres
                        else "strftime('%Y-%m-%d %H:%M:%S', 'now') || '.000000+00'")  # fmt: skip
        self.hole = "%s" if postgres else "?"
        stamp = "timestamptz" if postgres else "TEXT"
        must = "" if nullable else " NOT NULL"
        database.execute(
            f"CREATE TABLE items(id bigint PRIMARY KEY, content text NOT NULL, updated_at {stamp}{must})"
        )
        database.execute("CREATE INDEX ON items(updated_at)" if postgres else
                         "CREATE INDEX items_updated_at ON items(updated_at)")  # fmt: skip

    def change(self, cursor, rng, number):
        key, content = rng.randrange(KEYS), f"{self.name}{number}"
        if rng.random() < 0.15:
            cursor.execute(f"DELETE FROM items WHERE id = {key}")
        else:
            cursor.execute(
                f"INSERT INTO items VALUES({key}, {self.hole}, {self.now}) ON CONFLICT (id) DO UPDATE"
                " SET content = excluded.content, updated_at = excluded.updated_at",
                (content,),
            )

    def use(self, count, seed, stop):
        """Users: short transactions, a tenth of them with several changes that take a while."""
        rng = random.Random(f"{seed}/{self.name}")
        with contextlib.closing(self.database.connect()) as connection:
            cursor = connection.cursor()
            number = 0
            while number < count and not stop.is_set():
                long = rng.random() < 0.02
                if self.database.dialect == "sqlite":
                    cursor.execute("BEGIN IMMEDIATE")
                for _ in range(rng.randrange(2, 6) if long else 1):
                    number += 1
                    self.change(cursor, rng, number)
                if long:
                    time.sleep(0.1)  # how long this user takes; nothing waits for it
                cursor.execute("COMMIT" if rng.random() < 0.95 else "ROLLBACK")
                if self.database.dialect == "sqlite":
                    time.sleep(0.001)  # lets others have the file

    def write(self, sql):
        self.database.execute(sql.replace("{now}", self.now))

    def rows(self):
        return dict(self.database.rows("SELECT id, content FROM items"))

    def conflicts(self):
        return " ".join(
            f"{source} {target}"
            for source, target in self.database.rows("SELECT CAST(source_row AS text), CAST(target_row AS text) FROM syncline_conflicts")
        )
