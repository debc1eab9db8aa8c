#!/usr/bin/python3
"""Capture from PostgreSQL: beside a plain COPY of the same query, under steady writes, and what a poll costs.

  load    1,000,000 rows into the log, beside `COPY (the same query) TO STDOUT` in text and in binary; with one worker. Decides whether
          the first load is fast enough: at least 0.5 of COPY's rate, aiming at 0.8.
  steady  1,000 transactions a second with `run` at `every: 20ms`: from the moment a commit is acknowledged on the source until the
          target says (by a trigger's NOTIFY, so at its commit) that it has the row; p99 under 60 ms. And what the writers of
          pgbench manage with and without Syncline, in turns, as fast as they can: at most 3 % less.
  poll    what a poll costs the source, by the CPU of the session's backend, on tables of different sizes with the same
          writes on each, and with none: flat, and an idle one under 1 ms.
  halves  the rows of `load` as one table and as two halves, by one session and by two: what reading the key ranges of one
          table side by side could bring at most. Decides whether a load should do that.
  deletes single and bulk deletions with the triggers of `deletes: tombstones` and without: what they cost the writers.
  reconcile  one round of `deletes: reconcile` over --reconcile ROWS rows, clean and with 1,000 of them gone: time, CPU, and the
          bytes between the client and the server, counted by a proxy. Decides whether a clean table costs little network.

Without a part: load, steady, poll. The clusters have fsync on, as users have. CPU is that of the client process and of the servers whole.

  bench/capture_bench.py [load] [steady] [poll] [halves] [deletes] [reconcile] [--reconcile 10000000] [--rows 1000000] [--rounds 3] [--seconds 20] [--sizes 100000 1000000 10000000] [--binary build/syncline]
"""

import argparse
import contextlib
import os
import pathlib
import re
import select
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

import harness

PARTS = ("load", "steady", "poll")  # those that run when none is named
PGBENCH_SCRIPT = """\\set id random(1, 100000)
UPDATE accounts SET balance = balance + 1, updated_at = now() WHERE id = :id;
"""
DELETE_SCRIPT = "DELETE FROM accounts WHERE id = (SELECT nextval('doomed'));\n"
BULK_ROWS = 50_000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[*PARTS, "halves", "deletes", "reconcile", []], default=list(PARTS))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--reconcile", type=int, default=10_000_000)
    parser.add_argument("--binary", default=str(harness.ROOT / "build/syncline"))
    options = parser.parse_args()
    harness.use(options.binary)
    from support.postgres import Cluster  # pylint: disable=import-outside-toplevel

    print(harness.facts(), flush=True)
    with Cluster(fsync="on") as source, Cluster(fsync="on") as target:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="syncline-bench-"))
        for part in options.part or PARTS:
            parts = {"load": load, "steady": steady, "poll": poll, "halves": halves, "deletes": deletes, "reconcile": reconcile}
            parts[part](options, folder, source, target)
        shutil.rmtree(folder)


@contextlib.contextmanager
def measured(*clusters):
    """Yields a dict that has `seconds` and `server_cpu` afterwards."""
    pids = tuple(cluster.pid for cluster in clusters)
    result, cpu, start = {}, harness.server_cpu(*pids), time.monotonic()
    yield result
    result["seconds"] = time.monotonic() - start
    result["server_cpu"] = harness.server_cpu(*pids) - cpu


def syncline_in(folder, configuration):
    from support.syncline import Syncline  # pylint: disable=import-outside-toplevel

    shutil.rmtree(folder, ignore_errors=True)
    return Syncline(folder, configuration)


def configuration(source, target, tables, every, **defaults):
    return {
        "log": "./log",
        "databases": {"source": source, "target": target},
        "defaults": {"every": every, "cursor": "updated_at", **defaults},
        "pipelines": {"p": {"from": "source", "to": "target", "tables": {f"public.{table}": {} for table in tables}}},
    }


def make_items(source, name, rows):
    from support import items  # pylint: disable=import-outside-toplevel
    from support.databases import PostgresDatabase  # pylint: disable=import-outside-toplevel

    database = PostgresDatabase(source, name)
    items.create(database)
    items.load(database, 1, rows)
    database.execute("VACUUM ANALYZE items")
    return database


def load(options, folder, source, _):
    make_items(source, "load", options.rows)
    query = "SELECT * FROM items WHERE updated_at IS NOT NULL ORDER BY id"
    engines = [
        ("COPY, text", lambda: copy(source, "load", query, "text")),
        ("COPY, binary", lambda: copy(source, "load", query, "binary")),
        ("Syncline", lambda: capture_once(folder, source, "load")),
        ("COPY, text (again)", lambda: copy(source, "load", query, "text")),
    ]
    print_rates("load", options, take_turns(options, source, engines))


def take_turns(options, source, engines):
    """By name, what each round gave: rows a second, CPU of the client and of the server."""
    rates = {}
    for number in range(options.rounds):
        for name, engine in engines if number % 2 == 0 else reversed(engines):
            with measured(source) as cost:
                client = engine()
            rates.setdefault(name, []).append((options.rows / cost["seconds"], client, cost["server_cpu"]))
    return rates


def print_rates(part, options, rates):
    """The first of them is 1, with its repetition."""
    first = next(iter(rates))
    base = statistics.median(rate for name, runs in rates.items() if name.startswith(first) for rate, *_ in runs)
    print(f"\n{part}, {options.rows:,} rows, {options.rounds} rounds, medians\n")
    print("| | rows/s | by round | of the first | CPU s per million, client | server |\n" + "| --- " * 6 + "|")
    for name, runs in rates.items():
        rate, client, server = (statistics.median(column) for column in zip(*runs))
        each = ", ".join(f"{run[0] / 1000:,.0f}k" for run in runs)
        million = options.rows / 1e6
        print(f"| {name} | {rate:,.0f} | {each} | {rate / base:.2f} | {client / million:.2f} | {server / million:.2f} |", flush=True)


def copy(cluster, database, query, form):
    """CPU seconds of psql."""
    before = os.times()
    with open(os.devnull, "wb") as nothing:
        subprocess.run(
            ["psql", "-h", cluster.folder, "-U", "postgres", "-d", database, "-qc",
             f"COPY ({query}) TO STDOUT (FORMAT {form})"],
            stdout=nothing, check=True,
        )  # fmt: skip
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def capture_once(folder, cluster, database, tables=("items",), workers=1):
    """CPU seconds of Syncline."""
    syncline = syncline_in(
        folder / "load",
        configuration(
            cluster.url(database), f"sqlite:{folder}/none.db", tables, "200ms", load={"workers": workers}
        ),
    )
    return syncline.run("capture", "--once").cpu_seconds


def halves(options, folder, source, _):
    database = make_items(source, "halves", options.rows)
    for table, condition in (("low", f"id <= {options.rows // 2}"), ("high", f"id > {options.rows // 2}")):
        database.execute(f"CREATE TABLE {table} (LIKE items INCLUDING ALL)")
        database.execute(f"INSERT INTO {table} SELECT * FROM items WHERE {condition}")
        database.execute(f"VACUUM ANALYZE {table}")
    query = "SELECT * FROM {} WHERE updated_at IS NOT NULL ORDER BY id"

    def copy_both():
        before = os.times()
        threads = [threading.Thread(target=copy, args=(source, "halves", query.format(t), "text")) for t in ("low", "high")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    engines = [
        ("COPY of the whole, one session", lambda: copy(source, "halves", query.format("items"), "text")),
        ("COPY of the halves, two sessions", copy_both),
        ("Syncline, the whole", lambda: capture_once(folder, source, "halves")),
        ("Syncline, the halves, one worker", lambda: capture_once(folder, source, "halves", ("low", "high"))),
        ("Syncline, the halves, two workers", lambda: capture_once(folder, source, "halves", ("low", "high"), 2)),
    ]
    print_rates("halves", options, take_turns(options, source, engines))


def make_accounts(cluster, database, rows):
    cluster.create_database(database)
    cluster.execute(
        database,
        f"""CREATE TABLE accounts(id bigint PRIMARY KEY, balance bigint NOT NULL, filler text, updated_at timestamptz NOT NULL);
        INSERT INTO accounts SELECT g, 0, repeat('x', 60), now() - interval '1 day' FROM generate_series(1, {rows}) g;
        CREATE INDEX ON accounts(updated_at);
        CREATE TABLE probes(id bigint PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now());
        CREATE INDEX ON probes(updated_at)""",
    )
    cluster.execute(database, "VACUUM ANALYZE accounts")


@contextlib.contextmanager
def pgbench(folder, cluster, database, seconds, rate=None, clients=2, text=PGBENCH_SCRIPT):
    """Yields a function that waits for the end and gives its transactions a second."""
    script = folder / "script.sql"
    script.write_text(text)
    program = next(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    command = [program, "-h", cluster.folder, "-U", "postgres", "-n", "-f", script, "-c", clients, "-j", 1, "-T", seconds]
    command += ["-R", rate] if rate else []
    process = subprocess.Popen(
        [*map(str, command), database], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )

    def end():
        output, _ = process.communicate()
        return float(re.search(r"^tps = ([0-9.]+)", output, re.M)[1])

    try:
        yield end
    finally:
        process.kill()
        process.wait()


class Latencies:
    """Commits a row every 10 ms on the source and hears from the target when it is there."""

    def __init__(self, source, target, database):
        self._source = source.connect(database)
        self._target = target.connect(database)
        self._sent, self.milliseconds = {}, []
        with self._target.cursor() as cursor:
            cursor.execute(
                """CREATE OR REPLACE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
                   $$ BEGIN PERFORM pg_notify('probes', new.id::text); RETURN NULL; END $$;
                   CREATE OR REPLACE TRIGGER tell AFTER INSERT ON probes FOR EACH ROW EXECUTE FUNCTION tell(); LISTEN probes"""
            )

    def run(self, seconds):
        sender = threading.Thread(target=self._send, args=(seconds,))
        sender.start()
        end = time.monotonic() + seconds + 2
        while time.monotonic() < end:
            select.select([self._target], [], [], 0.1)
            self._target.poll()
            now = time.monotonic()
            while self._target.notifies:
                sent = self._sent.pop(int(self._target.notifies.pop(0).payload), None)
                if sent is not None:
                    self.milliseconds.append((now - sent) * 1000)
        sender.join()

    def _send(self, seconds):
        with self._source.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(id), 0) FROM probes")
            number = cursor.fetchone()[0]
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                number += 1
                # Noted before the commit, so that no arrival is missed: the commit itself counts.
                self._sent[number] = time.monotonic()
                cursor.execute("INSERT INTO probes(id) VALUES (%s)", (number,))
                time.sleep(0.01)


def steady(options, folder, source, target):
    make_accounts(source, "steady", 100_000)
    target.create_database("steady")
    syncline = syncline_in(
        folder / "steady",
        configuration(source.url("steady"), target.url("steady"), ["accounts", "probes"], "20ms"),
    )
    source.execute("steady", "INSERT INTO probes(id) VALUES (0)")
    syncline.run("run", "--once")
    print(f"\nsteady, {options.seconds} s each\n", flush=True)

    with syncline.start("run") as process:
        with pgbench(folder, source, "steady", options.seconds + 3, rate=1000) as end:
            time.sleep(1)
            latencies = Latencies(source, target, "steady")
            latencies.run(options.seconds)
            tps = end()
        cost = process.terminate()
    cuts = statistics.quantiles(latencies.milliseconds, n=100)
    print(
        f"latency over {len(latencies.milliseconds)} probes at {tps:,.0f} transactions/s: p50 {cuts[49]:.1f}, p95 {cuts[94]:.1f},"
        f" p99 {cuts[98]:.1f}, max {max(latencies.milliseconds):.1f} ms; CPU of Syncline {cost.cpu_seconds / cost.seconds:.2f} cores",
        flush=True,
    )

    for rate in (1000, None):
        without, beside = [], []
        for _ in range(options.rounds):
            with pgbench(folder, source, "steady", options.seconds, rate) as end:
                without.append(end())
            with syncline.start("run") as process:
                with pgbench(folder, source, "steady", options.seconds, rate) as end:
                    beside.append(end())
                process.terminate()
        a, b = statistics.median(without), statistics.median(beside)
        what = f"at {rate} transactions/s" if rate else "as fast as they can"
        print(
            f"writers {what}: alone {a:,.0f} transactions/s ({', '.join(f'{x:,.0f}' for x in without)}),"
            f" beside Syncline {b:,.0f} ({', '.join(f'{x:,.0f}' for x in beside)}): {100 * (b / a - 1):+.1f} %",
            flush=True,
        )


def poll(options, folder, source, _):
    print("\npoll, CPU of the session's backend, `every: 20ms`\n")
    print("| rows | with 200 transactions/s | idle |\n| --- | --- | --- |")
    for rows in options.sizes:
        make_accounts(source, "poll", rows)
        syncline = syncline_in(
            folder / "poll", configuration(source.url("poll"), f"sqlite:{folder}/none.db", ["accounts"], "20ms")
        )
        syncline.run("capture", "--once")
        cells = []
        for rate in (200, None):
            with contextlib.ExitStack() as stack:
                process = stack.enter_context(syncline.start("capture"))
                if rate:
                    stack.enter_context(pgbench(folder, source, "poll", options.seconds + 5, rate, clients=1))
                time.sleep(2)
                with contextlib.closing(source.connect("postgres")) as connection, connection.cursor() as cursor:
                    cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'syncline'")
                    pid = cursor.fetchone()[0]
                before, start = harness.process_cpu(pid), time.monotonic()
                time.sleep(options.seconds)
                cpu, seconds = harness.process_cpu(pid) - before, time.monotonic() - start
                output = process.terminate().stderr
            polls = int(re.search(r"capture stops.* polls=(\d+)", output)[1]) / (seconds + 2) * seconds
            cells.append(f"{cpu / polls * 1000:.2f} ms, {polls / seconds:.0f} polls/s")
        print(f"| {rows:,} | {' | '.join(cells)} |", flush=True)


def deletes(options, folder, source, _):
    make_accounts(source, "deletes", options.rows)
    source.execute("deletes", "CREATE SEQUENCE doomed CACHE 1000")
    syncline = syncline_in(
        folder / "deletes",
        configuration(
            source.url("deletes"), f"sqlite:{folder}/none.db", ["accounts"], "200ms", deletes="tombstones"
        ),
    )
    results, left = {}, options.rows
    for number in range(2 * options.rounds):
        triggers = number % 4 in (1, 2)  # without, with, with, without
        syncline.run("prepare", "--apply" if triggers else "--remove")
        source.execute("deletes", "CHECKPOINT")
        with measured(source) as cost:
            with pgbench(folder, source, "deletes", options.seconds, text=DELETE_SCRIPT) as end:
                rate = end()
        single_cpu = cost["server_cpu"] / rate / options.seconds * 1e6
        with measured(source) as cost:
            source.execute("deletes", f"DELETE FROM accounts WHERE id > {left - BULK_ROWS} AND id <= {left}")
        left -= BULK_ROWS
        results.setdefault(triggers, []).append((rate, single_cpu, cost["seconds"] / BULK_ROWS * 1e6))
    print(f"\ndeletes, {options.rounds} rounds of {options.seconds} s, two clients, medians\n")
    print("| triggers | deletes of one row/s | by round | server CPU us each | us a row of 50,000 at once |\n" + "| --- " * 5 + "|")
    for triggers, runs in sorted(results.items()):
        rate, cpu, bulk = (statistics.median(column) for column in zip(*runs))
        each = ", ".join(f"{run[0]:,.0f}" for run in runs)
        print(f"| {'with' if triggers else 'without'} | {rate:,.0f} | {each} | {cpu:.0f} | {bulk:.2f} |", flush=True)


def reconcile(options, folder, source, _):
    rows = options.reconcile
    make_accounts(source, "reconcile", rows)

    def configured(url, deletes):
        return configuration(url, f"sqlite:{folder}/none.db", ["accounts"], "200ms", deletes=deletes)

    syncline = syncline_in(folder / "reconcile", configured(source.url("reconcile"), "none"))
    syncline.run("capture", "--once", timeout=3600)
    print(f"\nreconcile, {rows:,} rows, `capture --once`\n")
    print("| | s | rows/s | CPU s, client | server | KiB sent | received | peak MiB |\n" + "| --- " * 8 + "|", flush=True)
    looked_for = {"by": "reconcile", "every": "1ms"}
    gone = f"DELETE FROM accounts WHERE id % {rows // 1000} = 0"
    with harness.CountingProxy(source.folder) as proxy:
        url = source.url("reconcile").replace(source.folder, proxy.folder)
        for name, way, change in (
            ("a poll alone", "none", None),
            ("a clean round", looked_for, None),
            ("a clean round", looked_for, None),
            ("1,000 rows gone", looked_for, gone),
        ):
            if change:
                source.execute("reconcile", change)
            syncline.configure(configured(url, way))
            sent, received = proxy.sent, proxy.received
            with measured(source) as cost:
                client = syncline.run("capture", "--once", timeout=3600)
            print(
                f"| {name} | {cost['seconds']:.1f} | {rows / cost['seconds']:,.0f} | {client.cpu_seconds:.1f}"
                f" | {cost['server_cpu']:.1f} | {(proxy.sent - sent) / 1024:,.0f} | {(proxy.received - received) / 1024:,.0f}"
                f" | {client.peak_bytes / 2**20:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
