"""Users whose every transaction keeps two promises, and an observer who writes down what others can see of it.

The promises hold in any snapshot of the database: `accounts` and `mirror` have the same keys with the same `v`, and the amounts add
up to what they were. `v` comes from one sequence under the lock of its key, so for one key it only grows, through deletions too.
"""

import contextlib
import dataclasses
import itertools
import random
import threading
import time

import psycopg2

GIVE_WAY = (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected)


@contextlib.contextmanager
def outliving_the_server():
    """Leaves its block when the connection is lost. A server that stops as in a crash is told in several ways."""
    try:
        yield
    except (psycopg2.OperationalError, psycopg2.InterfaceError):
        pass
    except psycopg2.DatabaseError as error:
        if type(error) is not psycopg2.DatabaseError:  # pylint: disable=unidiomatic-typecheck
            raise


class History:
    KEYS = 400
    AMOUNT = 1000
    TABLES = ("accounts", "mirror")

    def __init__(self, cluster, database, user="app"):
        self._cluster, self._database, self._user = cluster, database, user
        self.committed = 0  # transactions that were acknowledged
        self._lock = threading.Lock()
        cluster.execute(
            database,
            f"""CREATE SEQUENCE history;
            CREATE TABLE accounts(id bigint PRIMARY KEY, v bigint NOT NULL, amount bigint NOT NULL,
              updated_at timestamptz NOT NULL DEFAULT now());
            CREATE INDEX ON accounts(updated_at);
            INSERT INTO accounts SELECT g, nextval('history'), {self.AMOUNT} FROM generate_series(1, {self.KEYS}) g;
            CREATE TABLE mirror(id bigint PRIMARY KEY, v bigint NOT NULL, payload text,
              updated_at timestamptz NOT NULL DEFAULT now());
            CREATE INDEX ON mirror(updated_at);
            INSERT INTO mirror SELECT id, v FROM accounts;
            CREATE TABLE beats(id int PRIMARY KEY, n bigint NOT NULL, updated_at timestamptz NOT NULL);
            CREATE INDEX ON beats(updated_at);
            INSERT INTO beats VALUES (1, 0, now());
            DO $$ BEGIN CREATE ROLE {user} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
            GRANT ALL ON ALL TABLES IN SCHEMA public TO {user}; GRANT ALL ON SEQUENCE history TO {user}""",
        )

    def writers(self, seed, count=14):
        return [self._persistent(self._writer(seed, number), f"writer {number} ") for number in range(count)]

    def _persistent(self, body, prefix=None):
        """Begins again when the server goes away; what was prepared then is ended one way or the other."""

        def run(stop):
            while not stop.is_set():
                with outliving_the_server():
                    if prefix:
                        self.end_prepared(prefix)
                    with contextlib.closing(self._cluster.connect(self._database, self._user, autocommit=False)) as connection:
                        body(connection, stop)
                    return
                stop.wait(0.05)

        return run

    def end_prepared(self, prefix=""):
        with contextlib.closing(self._cluster.connect(self._database)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT gid FROM pg_prepared_xacts WHERE starts_with(gid, %s) ORDER BY gid", (prefix,))
            for number, (gid,) in enumerate(cursor.fetchall()):
                cursor.execute(f"{'ROLLBACK' if number % 2 else 'COMMIT'} PREPARED %s", (gid,))

    def _writer(self, seed, number):
        rng = random.Random(f"{seed}/{number}")
        # A transaction's start, or the moment of the statement: applications do either.
        now = "clock_timestamp()" if number % 2 else "now()"
        names = itertools.count()

        def write(cursor, keys):
            for key in keys:
                savepoint = rng.random() < 0.3
                if savepoint:
                    cursor.execute("SAVEPOINT s")
                change(cursor, key)
                if savepoint and rng.random() < 0.3:
                    cursor.execute("ROLLBACK TO s")

        def change(cursor, key):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (key,))
            cursor.execute("SELECT amount FROM accounts WHERE id = %s", (key,))
            found = cursor.fetchone()
            cursor.execute("SELECT nextval('history')")
            v = cursor.fetchone()[0]
            if found is None:
                cursor.execute(f"INSERT INTO accounts VALUES (%s, %s, 0, {now})", (key, v))
                payload = "bulk " * (2000 if rng.random() < 0.02 else 1)
                cursor.execute(f"INSERT INTO mirror VALUES (%s, %s, %s, {now})", (key, v, payload))
            elif found[0] == 0 and rng.random() < 0.5:
                for table in self.TABLES:
                    cursor.execute(f"DELETE FROM {table} WHERE id = %s", (key,))
            else:
                cursor.execute(f"UPDATE accounts SET v = %s, updated_at = {now} WHERE id = %s", (v, key))
                cursor.execute(f"UPDATE mirror SET v = %s, updated_at = {now} WHERE id = %s", (v, key))

        def transfer(cursor, giver, taker):
            """All that one has goes to the other, so that accounts become empty."""
            for key in sorted((giver, taker)):
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", (key,))
            cursor.execute("SELECT count(*) FROM accounts WHERE id IN (%s, %s)", (giver, taker))
            if cursor.fetchone()[0] < 2:
                return
            cursor.execute("SELECT amount FROM accounts WHERE id = %s", (giver,))
            amount = cursor.fetchone()[0]
            for key, more in ((giver, -amount), (taker, amount)):
                cursor.execute("SELECT nextval('history')")
                v = cursor.fetchone()[0]
                cursor.execute(
                    f"UPDATE accounts SET amount = amount + %s, v = %s, updated_at = {now} WHERE id = %s", (more, v, key)
                )
                cursor.execute(f"UPDATE mirror SET v = %s, updated_at = {now} WHERE id = %s", (v, key))

        def finish(connection, cursor):
            chance = rng.random()
            if chance < 0.1:
                connection.rollback()
                return
            if chance < 0.25:
                name = f"writer {number} transaction {next(names)}"
                cursor.execute("PREPARE TRANSACTION %s", (name,))
                connection.commit()
                time.sleep(rng.random() * 0.6)
                connection.autocommit = True
                cursor.execute(f"{'COMMIT' if chance < 0.22 else 'ROLLBACK'} PREPARED %s", (name,))
                connection.autocommit = False
            else:
                connection.commit()
            with self._lock:
                self.committed += 1

        def body(connection, stop):
            with connection.cursor() as cursor:
                while not stop.is_set():
                    try:
                        cursor.execute("SET LOCAL lock_timeout = '200ms'")  # fixes now(), before the first write
                        time.sleep(rng.random() * (0.05 if rng.random() < 0.95 else 4))
                        keys = sorted(rng.sample(range(1, self.KEYS + 1), rng.randint(2, 4)))
                        transfer(cursor, keys[0], keys[1])
                        write(cursor, keys[2:])
                    except GIVE_WAY:
                        connection.rollback()
                        continue
                    time.sleep(rng.random() * (0.1 if rng.random() < 0.9 else 1.5))
                    finish(connection, cursor)

        return body


@dataclasses.dataclass
class Seen:
    """What a snapshot showed that was taken after beat `beat` and before the next one: the difference to the one before."""

    beat: int
    rows: dict
    gone: list


class Observer:
    """Counts beats into the source, and between two of them looks at all accounts in one snapshot."""

    def __init__(self, cluster, database):
        self._cluster, self._database = cluster, database
        self.seen = []
        self._rows = {}

    def body(self, stop):
        while not stop.is_set():
            with outliving_the_server():
                with contextlib.closing(self._cluster.connect(self._database, "app")) as connection:
                    self._observe(connection, stop)
                return
            stop.wait(0.05)

    def _observe(self, connection, stop):
        with connection.cursor() as cursor:
            while not stop.wait(0.05):
                cursor.execute("UPDATE beats SET n = n + 1, updated_at = clock_timestamp()")
                cursor.execute("SELECT (SELECT n FROM beats), id, v FROM accounts")
                rows = cursor.fetchall()
                now = {key: v for _, key, v in rows}
                self.seen.append(
                    Seen(
                        rows[0][0],
                        {key: v for key, v in now.items() if self._rows.get(key) != v},
                        [key for key in self._rows if key not in now],
                    )
                )
                self._rows = now


class Judge:
    """Reads a log from its first change to its last and says what it lacks; see `take`."""

    def __init__(self, observer, amount):
        self._seen = observer.seen
        self._next = 0  # of them, to be looked for
        self._amount = amount
        self._tables = {"accounts": {}, "mirror": {}, "beats": {}}
        self._highest = {}  # by key: the highest v the log ever had
        self._touched = set()
        self._known = {}  # by key: the v the observer saw last
        self.cuts = self.checked = 0
        self.faults = []

    def take(self, change):
        if change.op != "mark" and change.table in self._tables:
            key = change.key["id"]
            table = self._tables[change.table]
            if change.op == "delete":
                table.pop(key, None)
            else:
                table[key] = change.row
            if change.table != "beats":
                self._touched.add(key)
            if change.table == "accounts" and change.op == "upsert":
                if change.row["v"] < self._highest.get(key, 0):
                    self._fault(change, f"account {key} goes back to {change.row['v']}")
                self._highest[key] = max(self._highest.get(key, 0), change.row["v"])
        if change.closes_cut:
            self._close(change)

    def _close(self, change):
        """Both promises hold, and what was last seen before the beat that this cut holds is in the log or superseded there."""
        self.cuts += 1
        accounts, mirror = self._tables["accounts"], self._tables["mirror"]
        for key in self._touched:
            if accounts.get(key, {}).get("v") != mirror.get(key, {}).get("v"):
                self._fault(change, f"account {key} and its mirror differ")
        self._touched.clear()
        if accounts and sum(row["amount"] for row in accounts.values()) != self._amount:
            self._fault(change, "the amounts do not add up")
        beat = self._tables["beats"].get(1, {"n": -1})["n"]
        seen = {}  # by key: the beat at which the observer last saw it change, and what to
        while self._next < len(self._seen) and self._seen[self._next].beat < beat:
            look = self._seen[self._next]
            seen.update({key: (look.beat, v) for key, v in look.rows.items()})
            self._known.update(look.rows)
            seen.update({key: (look.beat, None) for key in look.gone})
            self._next += 1
        for key, (at, v) in seen.items():
            self.checked += 1
            if v is None:
                # Deleted, or come again since as something newer.
                if key in accounts and accounts[key]["v"] <= self._known[key]:
                    self._fault(change, f"account {key} was gone at beat {at}, and is in the log")
            elif self._highest.get(key, 0) < v and not self._changes_soon(key):
                self._fault(change, f"account {key} was seen as {v} at beat {at}, and is not in the log")

    def _changes_soon(self, key):
        """Whether it may have been deleted between the observer's last look and the poll's: then the poll has seen nothing of it.

        The poll came after the beat that it shows and before the next one, so the look after that one tells.
        """
        soon = self._seen[self._next : self._next + 2]
        return len(soon) < 2 or any(key in look.rows or key in look.gone for look in soon)

    def _fault(self, change, what):
        self.faults.append(f"offset {change.offset}: {what}")
