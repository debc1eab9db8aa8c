"""The table that most tests sync, its first rows, and what users do to it afterwards."""

import contextlib
import dataclasses
import io
import itertools
import random

from psycopg2.extras import execute_values

CREATE = """CREATE TABLE items(
  id bigint PRIMARY KEY, source_id bigint, name text, category int, price numeric(12,2), payload text,
  deleted boolean, updated_at timestamptz, version bigint)"""
INDEX = "CREATE INDEX items_updated_at ON items(updated_at)"

COLUMNS = {
    "id": "int", "source_id": "int", "name": "text", "category": "int", "price": "decimal", "payload": "text",
    "deleted": "bool", "updated_at": "timestamptz", "version": "int",
}  # fmt: skip

_NAMES = ("tea", "", "Käsebrot", "寿司", "чай", "a'b\"c\\d", "tab\there", "line\nbreak", "🧵 thread", None)


@dataclasses.dataclass
class Mix:
    """What the changes of a transaction are: so many percent updates of any row and of hot rows, the rest new rows."""

    rows: int = 500
    updates: int = 70
    hot: int = 0
    hot_rows: int = 1_000  # the first ids


def create(database):
    database.execute(CREATE)
    database.execute(INDEX)


def generate(first, count, seed=0):
    """Rows with ids from `first`. Many share a stamp, some values are NULL or empty, prices have both signs."""
    rng = random.Random(f"{seed}/{first}")
    filler = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz ", k=200))
    for i in range(first, first + count):
        minute = i // 400
        stamp = f"2025-01-{1 + minute // 1440 % 28:02}T{minute // 60 % 24:02}:{minute % 60:02}:00.000123"
        cents = rng.randrange(-(10**7), 10**9)
        yield (
            i, i * 7, _NAMES[i % len(_NAMES)], i % 100, f"{cents / 100:.2f}", filler[: i % 150],
            None if i % 11 == 0 else i % 5 == 0, stamp.replace("T", " ") + "+00", 1,
        )  # fmt: skip


def load(database, first, count, seed=0):
    """Puts rows there as a bulk load would: all at once, with stamps of the past."""
    rows = generate(first, count, seed)
    with contextlib.closing(database.connect()) as connection:
        if database.dialect == "sqlite":
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            connection.execute("COMMIT")
            return
        with connection.cursor() as cursor:
            while chunk := list(itertools.islice(rows, 50_000)):
                cursor.copy_expert("COPY items FROM STDIN", io.StringIO("".join(map(_copy_line, chunk))))
        connection.commit()


def _copy_line(row):
    def field(value):
        if value is None:
            return "\\N"
        text = str(value)
        if isinstance(value, str):
            text = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
        return text

    return "\t".join(map(field, row)) + "\n"


def change(database, existing, count, seed, mix=Mix()):
    """`count` changes in transactions of some hundred, of the first `existing` rows. Returns how many rows are new."""
    rng = random.Random(seed)
    inserted = 0
    with contextlib.closing(database.connect()) as connection:
        for start in range(0, count, mix.rows):
            rows = min(mix.rows, count - start)
            ids = rng.sample(range(1, existing + 1), min(rows * mix.updates // 100, existing))
            if mix.hot:
                hot = rng.sample(range(1, mix.hot_rows + 1), rows * mix.hot // 100)
                ids = list(dict.fromkeys(ids + hot))
            fresh = list(generate(existing + inserted + 1, rows - len(ids), seed))
            inserted += len(fresh)
            changed = [(i, f"changed {rng.random()}", f"{rng.randrange(10**9) / 100:.2f}") for i in ids]
            _transaction(database, connection, changed, fresh)
    return inserted


def _transaction(database, connection, changed, fresh):
    stamp = database.now
    if database.dialect == "sqlite":
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            f"UPDATE items SET payload = ?2, price = ?3, version = version + 1, updated_at = {stamp} WHERE id = ?1",
            changed,
        )
        connection.executemany(
            f"INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, {stamp}, ?)",
            (row[:7] + row[8:] for row in fresh),
        )
        connection.execute("COMMIT")
        return
    with connection.cursor() as cursor:
        execute_values(
            cursor,
            f"""UPDATE items SET payload = v.payload, price = v.price::numeric, version = version + 1,
                updated_at = {stamp} FROM (VALUES %s) v(id, payload, price) WHERE items.id = v.id""",
            changed,
            page_size=len(changed) or 1,
        )
        execute_values(
            cursor,
            "INSERT INTO items VALUES %s",
            [row[:7] + row[8:] for row in fresh],
            template=f"(%s, %s, %s, %s, %s, %s, %s, {stamp}, %s)",
            page_size=len(fresh) or 1,
        )
    connection.commit()
