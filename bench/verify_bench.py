#!/usr/bin/python3
"""`verify` of two equal tables, of two that differ in 1,000 rows, and `repair` of those.

Decides whether all rows are read or the servers add them up (`--by`), where source and target are PostgreSQL: by the time, and by
the CPU that it takes from the servers. Then the same with SQLite as the target. Nothing else uses the databases meanwhile.

  bench/verify_bench.py [--rows 1000000] [--rounds 3] [--binary build/syncline]
"""

import argparse
import pathlib
import shutil
import tempfile

import harness


def measure(cluster, what, syncline, *arguments, expect):
    before = harness.server_cpu(cluster.pid)
    run = syncline.run(*arguments, "--json", expect=expect, timeout=3600)
    cpu = harness.server_cpu(cluster.pid) - before
    print(f"| {what} | {run.seconds:.2f} | {run.cpu_seconds:.2f} | {cpu:.2f} | {run.peak_bytes / 2**20:.0f} |", flush=True)


def bench(cluster, target, folder, options):
    from support import items  # pylint: disable=import-outside-toplevel
    from support.databases import PostgresDatabase  # pylint: disable=import-outside-toplevel
    from support.syncline import Syncline  # pylint: disable=import-outside-toplevel

    source = PostgresDatabase(cluster, "source")
    items.create(source)
    items.load(source, 1, options.rows)
    syncline = Syncline(folder, {
        "log": "./log",
        "databases": {"from": source.url, "to": target.url},
        "defaults": {"cursor": "updated_at"},
        "pipelines": {"way": {"from": "from", "to": "to", "tables": {"public.items": {"to": "items"}}}},
    })  # fmt: skip
    syncline.run("run", "--once", timeout=3600)
    ways = ("rows", "sums") if target.dialect == "postgres" else ("rows",)
    for name, expect in (("equal", 0), ("1,000 rows differ", 4)):
        if expect:
            target.execute(f"UPDATE items SET payload = 'damaged' WHERE id % {options.rows // 1000} = 0")
        for _ in range(options.rounds):
            for by in ways:
                measure(cluster, f"{target}: {name}, {by}", syncline, "verify", "--by", by, expect=expect)
    measure(cluster, f"{target}: repair", syncline, "repair", "way", expect=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--binary", default=str(harness.ROOT / "build/syncline"))
    options = parser.parse_args()

    harness.use(options.binary)
    from support.databases import PostgresDatabase, SqliteDatabase  # pylint: disable=import-outside-toplevel
    from support.postgres import Cluster  # pylint: disable=import-outside-toplevel

    print(harness.facts())
    print(f"{options.rows:,} rows")
    print("| target, what, how | s | CPU s of verify | CPU s of the servers | peak MiB |")
    print("| --- | --- | --- | --- | --- |")
    for kind in ("postgres", "sqlite"):
        with Cluster() as cluster:
            folder = pathlib.Path(tempfile.mkdtemp(prefix="syncline-bench-"))
            target = PostgresDatabase(cluster, "target") if kind == "postgres" else SqliteDatabase(folder / "target.db")
            bench(cluster, target, folder, options)
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
