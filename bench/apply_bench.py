#!/usr/bin/python3
"""Apply on PostgreSQL beside what else can fill a table there: plain COPY, logical replication, a hand-written upsert.

Decides whether the way Syncline writes is fast enough: catching up at least 1.5 times as fast as logical replication (aim:
1.75) and 0.8 of the best hand-written staging upsert, the first copy at least as fast as logical replication's, each in under
256 MiB.

Two clusters with fsync on this machine, as a user would have them. In each round, on fresh databases and in another order:
first copy of `items` into a table with its primary key and nothing else; then every engine catches up with the same changes,
which were made while it stood still. Syncline has captured them beforehand, the upserts have the last states in files, sorted
by key: what is timed is the target's side. Every target is compared with the source, row by row by hash, on the servers. CPU is
that of the clients and of both servers whole. The pair "upsert, one connection (again)" is the A/A control.

  bench/apply_bench.py [--rows 1000000] [--changes 500000] [--rounds 3] [--binary build/syncline ..]

Several binaries are compared with each other; the same one twice is an A/A control of its own.
"""

import argparse
import contextlib
import dataclasses
import pathlib
import random
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

import harness

TABLE = """CREATE TABLE items(
  id bigint PRIMARY KEY, source_id bigint, name text, category int, price numeric(12,2), payload text,
  deleted boolean, updated_at timestamptz, version bigint)"""
HASH = "SELECT count(*), sum(hashtextextended(i::text, 0)) FROM items i"
TRANSACTION_ROWS = 100


@dataclasses.dataclass
class Cost:
    """One engine, one phase, one round."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int = 0


class Bench:
    """What the engines work with: two servers, a source database, how many rows are where."""

    def __init__(self, options, folder, source, target):
        self.options, self.folder = options, folder
        self.source_cluster, self.target_cluster = source, target
        self.source = None
        self.rows = options.rows
        self._clusters = (source.pid, target.pid)

    def load_origin(self):
        """The source as every round begins with it."""
        origin = PostgresDatabase(self.source_cluster, "origin")
        items.create(origin)
        items.load(origin, 1, self.options.rows, self.options.seed)
        origin.execute("VACUUM ANALYZE items")

    def begin_round(self):
        if self.source is not None:
            self.source_cluster.execute("postgres", "DROP DATABASE source WITH (FORCE)")
        self.source_cluster.execute("postgres", "CREATE DATABASE source TEMPLATE origin")
        self.source = PostgresDatabase(self.source_cluster, "source", create=False)
        self.source.execute("CREATE TABLE mark(id int PRIMARY KEY); CREATE PUBLICATION items FOR TABLE items, mark")
        self.rows = self.options.rows

    def change(self, number):
        mix = items.Mix(rows=TRANSACTION_ROWS, updates=70, hot=10)
        before = one(self.source, "SELECT clock_timestamp()")
        self.rows += items.change(self.source, self.rows, self.options.changes, self.options.seed + number, mix)
        self.source.execute("INSERT INTO mark VALUES (1)")
        return before

    @contextlib.contextmanager
    def timed(self):
        """Yields a list for the peak memory of what runs within; afterwards it holds a Cost."""
        for cluster in (self.source_cluster, self.target_cluster):
            cluster.execute("postgres", "CHECKPOINT")
        measured = []
        children, servers, start = children_cpu(), harness.server_cpu(*self._clusters), time.monotonic()
        yield measured
        seconds = time.monotonic() - start
        cpu = children_cpu() - children + harness.server_cpu(*self._clusters) - servers
        measured[:] = [Cost(seconds, cpu, *measured)]

    def check(self, target, what):
        expected, found = next(self.source.rows(HASH)), next(target.rows(HASH))
        assert expected == found and expected[0] == self.rows, f"{what}: {found} instead of {expected}"


def wait_for(database, question):
    """Until it is true; on one connection, because connecting again and again would cost CPU that is measured."""
    with contextlib.closing(database.cluster.connect(database.name)) as connection, connection.cursor() as cursor:

        def answer():
            cursor.execute(question)
            return cursor.fetchone()[0]

        eventually(answer, question, timeout=3600, interval=0.02)


def children_cpu():
    """Of all children that have been waited for: psql, Syncline."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Engine:
    """One way to fill and to follow, with a target database of its own."""

    def __init__(self, bench, name):
        self.bench, self.name = bench, name
        self.target = PostgresDatabase(bench.target_cluster, "target_" + re.sub("[^a-z]", "", name.partition("(/")[0].lower()))

    def copy(self):
        raise NotImplementedError

    def prepare(self, since):
        """Once the source has changed, before anything is timed."""

    def catch_up(self):
        raise NotImplementedError

    def end(self):
        """After the round."""


class Replication(Engine):
    """A subscription; it stands still while the source changes."""

    def copy(self):
        self.target.execute(TABLE + "; CREATE TABLE mark(id int PRIMARY KEY)")
        cluster = self.bench.source_cluster
        with self.bench.timed() as cost:
            self.target.execute(
                f"CREATE SUBSCRIPTION items CONNECTION 'host={cluster.folder} user=postgres dbname=source' PUBLICATION items"
            )
            wait_for(self.target, "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel")
        self.target.execute("ALTER SUBSCRIPTION items DISABLE")
        wait_for(self.bench.source, "SELECT NOT bool_or(active) FROM pg_replication_slots")
        return cost[0]

    def catch_up(self):
        with self.bench.timed() as cost:
            self.target.execute("ALTER SUBSCRIPTION items ENABLE")
            wait_for(self.target, "SELECT count(*) FROM mark")
        return cost[0]

    def end(self):
        self.target.execute("DROP SUBSCRIPTION items")


class Upsert(Engine):
    """The best that a script does: a COPY pipe, then the last states through a staging table, sorted, in one transaction a
    connection."""

    def __init__(self, bench, name, connections):
        super().__init__(bench, name)
        self._connections = connections
        self._files = [bench.folder / f"{self.target.name}.{i}" for i in range(connections)]

    def copy(self):
        self.target.execute(TABLE)
        with self.bench.timed() as cost:
            out = psql(self.bench.source, "COPY items TO STDOUT (FORMAT binary)", stdout=subprocess.PIPE)
            into = psql(self.target, r"\copy items FROM pstdin (FORMAT binary)", stdin=out.stdout)
            out.stdout.close()
            finish(into, out)
        return cost[0]

    def prepare(self, since):
        changed = f"updated_at >= '{since.isoformat()}'"
        count = one(self.bench.source, f"SELECT count(*) FROM items WHERE {changed}")
        share = -(-count // self._connections)
        for number, path in enumerate(self._files):
            select = f"SELECT * FROM items WHERE {changed} ORDER BY id LIMIT {share} OFFSET {number * share}"
            with open(path, "wb") as file:
                finish(psql(self.bench.source, f"COPY ({select}) TO STDOUT (FORMAT binary)", stdout=file))

    def catch_up(self):
        columns = [name for name in items.COLUMNS if name != "id"]
        update = ", ".join(f"{name} = excluded.{name}" for name in columns)
        statements = (
            "SET work_mem = '64MB'; SET temp_buffers = '64MB'",
            "BEGIN; CREATE TEMP TABLE stage (LIKE items)",
            r"\copy stage FROM pstdin (FORMAT binary)",
            f"INSERT INTO items AS t SELECT * FROM stage ON CONFLICT (id) DO UPDATE SET {update}"
            " WHERE t.updated_at < excluded.updated_at",
            "COMMIT",
        )
        with contextlib.ExitStack() as stack, self.bench.timed() as cost:
            files = [stack.enter_context(open(path, "rb")) for path in self._files]
            finish(*[psql(self.target, *statements, stdin=file) for file in files])
        return cost[0]


class SynclineEngine(Engine):
    """`run --once` for the first copy; `capture --once`, not timed, then `apply --once`."""

    def __init__(self, bench, name, binary):
        super().__init__(bench, name)
        folder = bench.folder / self.target.name
        shutil.rmtree(folder, ignore_errors=True)
        self._syncline = Syncline(folder, configuration(bench.source, self.target))
        self._binary = binary

    def _timed(self, *arguments):
        with self.bench.timed() as cost:
            result = self._syncline.run(*arguments, timeout=3600, binary=self._binary)
            cost.append(result.peak_bytes)
        return cost[0]

    def copy(self):
        return self._timed("run", "--once")

    def prepare(self, since):
        self._syncline.run("capture", "--once", timeout=3600, binary=self._binary)

    def catch_up(self):
        return self._timed("apply", "--once")


def psql(database, *commands, **streams):
    arguments = [part for command in commands for part in ("-c", command)]
    url = database.url.replace("postgresql://postgres@", "postgresql://")
    return subprocess.Popen(["psql", "-qXv", "ON_ERROR_STOP=1", "-U", "postgres", "-d", url, *arguments], **streams)


def finish(*processes):
    for process in processes:
        assert process.wait(3600) == 0, process.args


def engines_for(bench):
    """New ones, with empty targets, for a round."""
    engines = [
        Replication(bench, "logical replication"),
        Upsert(bench, "COPY pipe; upsert, one connection", 1),
        Upsert(bench, "COPY pipe; upsert, one connection (again)", 1),
        Upsert(bench, "COPY pipe; upsert, two connections", 2),
    ]
    for number, binary in enumerate(bench.options.binary):
        name = "Syncline" + (f" {chr(ord('A') + number)} ({binary})" if len(bench.options.binary) > 1 else "")
        engines.append(SynclineEngine(bench, name, pathlib.Path(binary).resolve()))
    return engines


def run_round(bench, number, rng):
    """The costs by phase and engine."""
    bench.begin_round()
    engines = engines_for(bench)
    costs = {}
    for engine in rng.sample(engines, len(engines)):
        costs["copy", engine.name] = engine.copy()
        bench.check(engine.target, engine.name)
    since = bench.change(number)
    for engine in engines:
        engine.prepare(since)
        engine.target.execute("VACUUM ANALYZE items")
    for engine in rng.sample(engines, len(engines)):
        costs["catch up", engine.name] = engine.catch_up()
        bench.check(engine.target, engine.name)
    for engine in engines:
        engine.end()
    return costs


def median_ratio(rounds, phase, engine, other):
    """Of the rates of two engines, round by round."""
    return statistics.median(costs[phase, other].seconds / costs[phase, engine].seconds for costs in rounds)


def report(options, rounds):
    print("| engine | first copy, rows/s | CPU s per million | peak MiB | of logical replication |"
          " catching up, changes/s | CPU s per million | peak MiB | of logical replication | of the best upsert |")  # fmt: skip
    print("| --- " * 10 + "|")
    names = sorted({name for _, name in rounds[0]}, key=lambda name: (name.startswith("Syncline"), "pipe" in name, name))
    best = min(
        (name for name in names if "upsert" in name),
        key=lambda name: statistics.median(costs["catch up", name].seconds for costs in rounds),
    )
    for name in names:
        cells = []
        for phase, count in (("copy", options.rows), ("catch up", options.changes)):
            of_engine = [costs[phase, name] for costs in rounds]
            rates = sorted(count / cost.seconds for cost in of_engine)
            peak = max(cost.peak_bytes for cost in of_engine) / 2**20
            cells += [
                f"{statistics.median(rates):,.0f} ({rates[0]:,.0f}-{rates[-1]:,.0f})",
                f"{statistics.median(cost.cpu_seconds for cost in of_engine) / count * 1e6:.1f}",
                f"{peak:.0f}" if peak else "",
                f"{median_ratio(rounds, phase, name, 'logical replication'):.2f}",
            ]
        cells.append(f"{median_ratio(rounds, 'catch up', name, best):.2f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main():
    options = parse()
    rng = random.Random(options.seed)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="syncline-bench-"))
    print(harness.facts())
    print(f"{options.rows:,} rows, {options.changes:,} changes in transactions of {TRANSACTION_ROWS} (70 % updates, 10 % of hot"
          f" rows, 20 % new rows), {options.rounds} rounds, seed {options.seed}", flush=True)  # fmt: skip
    with Cluster(fsync="on", wal_level="logical") as source, Cluster(fsync="on") as target:
        bench = Bench(options, folder, source, target)
        bench.load_origin()
        rounds = []
        for number in range(options.rounds):
            rounds.append(run_round(bench, number, rng))
            for (phase, name), cost in rounds[-1].items():
                print(f"round {number + 1}, {phase}, {name}: {cost.seconds:.2f} s, CPU {cost.cpu_seconds:.2f} s", flush=True)
    report(options, rounds)
    shutil.rmtree(folder)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--changes", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binary", nargs="+", default=[str(harness.ROOT / "build/syncline")])
    return parser.parse_args()


if __name__ == "__main__":
    harness.use(parse().binary[0])
    from four_ways_test import configuration
    from support import items
    from support.databases import PostgresDatabase, one
    from support.postgres import Cluster
    from support.syncline import Syncline
    from support.waiting import eventually

    main()
