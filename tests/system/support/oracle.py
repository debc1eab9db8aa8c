"""Compares two tables row by row, from outside the program under test: it trusts nothing that Syncline says."""

import datetime
import decimal

UTC = datetime.timezone.utc


def _timestamp(text):
    moment = datetime.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# What SQLite holds in its own few types, as what psycopg2 makes of PostgreSQL's.
_FROM_SQLITE = {
    "int": None,
    "text": None,
    "decimal": lambda value: decimal.Decimal(str(value)),
    "bool": bool,
    "timestamptz": _timestamp,
}


class Table:
    """What is to be compared: columns with their kinds, the key first, as one side names them."""

    def __init__(self, database, name, columns, where=None):
        self.database, self.name, self.columns, self.where = database, name, columns, where

    def rows(self, exact=False):
        """In key order. `exact` leaves SQLite's values as they are stored."""
        names = list(self.columns)
        where = f" WHERE {self.where}" if self.where else ""
        rows = self.database.rows(f"SELECT {', '.join(names)} FROM {self.name}{where} ORDER BY {names[0]}")
        convert = [_FROM_SQLITE[kind] for kind in self.columns.values()]
        if self.database.dialect != "sqlite" or exact:
            return rows
        return (
            tuple(v if v is None or f is None else f(v) for v, f in zip(row, convert)) for row in rows
        )


def differences(source, target, limit=5):
    """Sentences about what differs, at most `limit`; none when the tables are equal.

    SQLite to SQLite is compared as stored, type by type; else 1.5 equals 1.50 and a moment equals itself in any zone.
    """
    exact = source.database.dialect == target.database.dialect == "sqlite"
    found = []
    left, right = source.rows(exact), target.rows(exact)
    a, b = next(left, None), next(right, None)
    while (a is not None or b is not None) and len(found) < limit:
        if b is None or (a is not None and a[0] < b[0]):
            found.append(f"the target lacks {a}")
            a = next(left, None)
        elif a is None or b[0] < a[0]:
            found.append(f"only the target has {b}")
            b = next(right, None)
        else:
            if a != b or (exact and [type(v) for v in a] != [type(v) for v in b]):
                found.append(f"the source has {a}, the target {b}")
            a, b = next(left, None), next(right, None)
    for stream in (left, right):
        stream.close()
    return found


def assert_equal(source, target):
    found = differences(source, target)
    assert not found, "the tables differ:\n  " + "\n  ".join(found)
