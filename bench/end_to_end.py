#!/usr/bin/python3
"""End to end: `run --once` with a first load, then with changes made meanwhile, in all four directions.

Decides nothing by itself: it shows what a user gets, start of the process included, on the machine it runs on. Both sides are
compared row by row after each direction, and rows are counted in the target. PostgreSQL runs with fsync, as a user's would.

  bench/end_to_end.py [--rows 1000000] [--changes 100000] [--binary build/syncline] [--way postgres-sqlite ...]
"""

import argparse
import pathlib
import shutil
import tempfile

import harness

KINDS = ("postgres", "sqlite")


def main():
    ways = [f"{source}-{target}" for source in KINDS for target in KINDS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--changes", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binary", default=str(harness.ROOT / "build/syncline"))
    parser.add_argument("--way", nargs="*", choices=ways, default=ways)
    options = parser.parse_args()

    harness.use(options.binary)
    from four_ways_test import sync_and_compare  # pylint: disable=import-outside-toplevel
    from support.databases import PostgresDatabase, SqliteDatabase  # pylint: disable=import-outside-toplevel
    from support.postgres import Cluster  # pylint: disable=import-outside-toplevel

    print(harness.facts())
    print(f"{options.rows:,} rows, then {options.changes:,} changes (70 % updates, 30 % new rows), seed {options.seed}")
    print("| way | load rows/s | CPU s per million rows | peak MiB | changes/s | CPU s per million changes | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with Cluster(fsync="on") as cluster:
        for way in options.way:
            folder = pathlib.Path(tempfile.mkdtemp(prefix="syncline-bench-"))
            databases = [
                PostgresDatabase(cluster, f"{side}_{kind}")
                if kind == "postgres"
                else SqliteDatabase(folder / f"{side}.db")
                for side, kind in zip(("source", "target"), way.split("-"))
            ]
            measured = sync_and_compare(folder, *databases, options.rows, options.changes, options.seed)
            cells = []
            for run, count in ((measured.load, options.rows), (measured.changes, options.changes)):
                cells += [f"{count / run.seconds:,.0f}", f"{run.cpu_seconds / count * 1e6:.1f}",
                          f"{run.peak_bytes / 2**20:.0f}"]  # fmt: skip
            print(f"| {measured.way} | {' | '.join(cells)} |", flush=True)
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
