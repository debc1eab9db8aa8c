"""Users who write to the source all the while: threads that go on until the test stops them."""

import contextlib
import itertools
import random
import threading
import time

import psycopg2

from support import items


class Writers:
    """Runs each body on a thread of its own; a body returns when the event it is given is set.

    An error in a body is raised again by `stop`: a test whose writers had died would prove nothing.
    """

    def __init__(self, bodies):
        self._stop = threading.Event()
        self._errors = []
        self._threads = [threading.Thread(target=self._run, args=(body,), daemon=True) for body in bodies]
        for thread in self._threads:
            thread.start()

    def _run(self, body):
        try:
            body(self._stop)
        except Exception as error:  # pylint: disable=broad-except
            self._errors.append(error)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def item_writers(database, rows, seed):
    """Several users who update any of the first `rows` items and add new ones, in transactions of up to 0.3 s."""
    if database.dialect == "sqlite":
        return [_sqlite_item_writer(database, rows, seed)]
    return [_postgres_item_writer(database, rows, seed, n) for n in range(4)]


def _postgres_item_writer(database, rows, seed, number):
    rng = random.Random(f"{seed}/{number}")
    new_id = 10**9 * (number + 1)

    def body(stop):
        nonlocal new_id
        with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                # Ids in ascending order, so that the writers do not deadlock with one another.
                for i in sorted(rng.sample(range(1, rows + 1), rng.randrange(1, 40))):
                    cursor.execute(
                        "UPDATE items SET version = version + 1, price = price + 0.01, updated_at = now()"
                        " WHERE id = %s", (i,),
                    )  # fmt: skip
                for row in items.generate(new_id, rng.randrange(5), seed):
                    cursor.execute("INSERT INTO items VALUES (%s,%s,%s,%s,%s,%s,%s,now(),%s)", row[:7] + row[8:])
                    new_id += 1
                stop.wait(rng.random() * (0.3 if rng.random() < 0.2 else 0.01))
                connection.rollback() if rng.random() < 0.05 else connection.commit()
                stop.wait(rng.random() * 0.02)

    return body


def _sqlite_item_writer(database, rows, seed):
    rng = random.Random(seed)
    new_id = 10**9

    def body(stop):
        nonlocal new_id
        with contextlib.closing(database.connect()) as connection:
            while not stop.is_set():
                connection.execute("BEGIN IMMEDIATE")
                for i in rng.sample(range(1, rows + 1), rng.randrange(1, 40)):
                    connection.execute(
                        f"UPDATE items SET version = version + 1, updated_at = {database.now} WHERE id = ?", (i,)
                    )
                for row in items.generate(new_id, rng.randrange(5), seed):
                    connection.execute(
                        f"INSERT INTO items VALUES (?,?,?,?,?,?,?,{database.now},?)", row[:7] + row[8:]
                    )
                    new_id += 1
                stop.wait(rng.random() * 0.01)
                connection.execute("ROLLBACK" if rng.random() < 0.05 else "COMMIT")
                stop.wait(rng.random() * 0.02)

    return body


class Twins:
    """Two tables whose rows with the same id always hold the same `v`, because every transaction changes both.

    Its writers do all that makes polling by a time stamp lose rows: transactions of up to 1.5 s that commit in another order
    than they began, savepoints with and without rollback, rollbacks, prepared transactions. A few do worse than what a
    margin of some seconds would hide: `_idle` writes with a stamp that is 6 s old when it commits, `_prepared` stays prepared
    for seconds, and `_bulk` commits more at once than goes into one frame of the log.
    """

    KEYS = 500
    TABLES = ("items", "twins")

    def __init__(self, cluster, database, user="app"):
        self._cluster, self._database, self._user = cluster, database, user
        cluster.execute(
            database,
            f"""CREATE TABLE items(id bigint PRIMARY KEY, v bigint NOT NULL, payload text,
              updated_at timestamptz NOT NULL DEFAULT now());
            CREATE INDEX ON items(updated_at);
            INSERT INTO items SELECT g, 0 FROM generate_series(1, {self.KEYS}) g;
            CREATE TABLE twins(LIKE items INCLUDING ALL);
            INSERT INTO twins SELECT * FROM items;
            DO $$ BEGIN CREATE ROLE {user} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
            GRANT ALL ON items, twins TO {user}""",
        )

    def writers(self, seed):
        return [self._writer(seed, number) for number in range(10)] + [self._idle, self._prepared, self._bulk]

    def _connect(self):
        return self._cluster.connect(self._database, self._user, autocommit=False)

    # Ids of their own, so that these three wait for nobody's locks and nobody for theirs.

    def _idle(self, stop):
        with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
            for number in itertools.count(2 * 10**6):
                cursor.execute("SELECT 1")
                stop.wait(6)
                self._insert(cursor, number, 1)
                connection.commit()
                if stop.is_set():
                    return

    def _prepared(self, stop):
        with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
            for number in itertools.count(3 * 10**6):
                self._insert(cursor, number, 1)
                stop.wait(1)
                cursor.execute("PREPARE TRANSACTION %s", (f"long {number}",))
                stop.wait(3)
                self._finish_prepared(connection, cursor, "COMMIT", f"long {number}")
                if stop.is_set():
                    return

    def _bulk(self, stop):
        with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
            for number in itertools.count(4 * 10**6, 100):
                self._insert(cursor, number, 100, payload="bulk " * 1000)
                connection.commit()
                if stop.wait(0.7):
                    return

    def _insert(self, cursor, first, count, payload=None):
        for table in self.TABLES:
            cursor.execute(
                f"INSERT INTO {table}(id, v, payload) SELECT g, 1, %s FROM generate_series(%s, %s) g",
                (payload, first, first + count - 1),
            )

    def _finish_prepared(self, connection, cursor, how, name):
        connection.commit()
        connection.autocommit = True
        cursor.execute(f"{how} PREPARED %s", (name,))
        connection.autocommit = False

    def _writer(self, seed, number):
        rng = random.Random(f"{seed}/{number}")
        # A transaction's start, or the moment of the statement: applications do either.
        now = "clock_timestamp()" if number % 2 else "now()"

        def update(cursor):
            cursor.execute("SET LOCAL lock_timeout = '200ms'")
            for key in rng.sample(range(1, self.KEYS + 1), rng.randint(1, 3)):
                savepoint = rng.random() < 0.4
                if savepoint:
                    cursor.execute("SAVEPOINT s")
                for table in self.TABLES:
                    cursor.execute(f"UPDATE {table} SET v = v + 1, updated_at = {now} WHERE id = %s", (key,))
                if savepoint and rng.random() < 0.3:
                    cursor.execute("ROLLBACK TO s")

        def finish(connection, cursor, name):
            chance = rng.random()
            if chance < 0.1:
                connection.rollback()
            elif chance < 0.25:
                cursor.execute("PREPARE TRANSACTION %s", (name,))
                time.sleep(rng.random() * 0.6)
                self._finish_prepared(connection, cursor, "COMMIT" if chance < 0.22 else "ROLLBACK", name)
            else:
                connection.commit()

        def body(stop):
            with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
                transactions = 0
                while not stop.is_set():
                    cursor.execute("SELECT 1")  # fixes now(), long before the first write
                    time.sleep(rng.random() * 0.05)
                    try:
                        update(cursor)
                    except (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected):
                        connection.rollback()
                        continue
                    time.sleep(rng.random() * (0.2 if rng.random() < 0.9 else 1.5))
                    transactions += 1
                    finish(connection, cursor, f"writer {number} transaction {transactions}")

        return body
