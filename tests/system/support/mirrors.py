"""One source with a PostgreSQL and a SQLite target, and what must be true of them however often the program was killed."""

import contextlib

from support import items, log, oracle
from support.databases import PostgresDatabase, SqliteDatabase, one
from support.settings import SEED
from support.syncline import Syncline
from support.writers import Writers, item_writers

# Notes every write that reaches the target: the same state of a row twice is one applied twice.
AUDIT = """CREATE TABLE writes(number bigserial, id bigint, version bigint);
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.writes(id, version) VALUES (NEW.id, NEW.version); RETURN NEW; END $$;
  CREATE TRIGGER note AFTER INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION note()"""
AUDIT_SQLITE = (
    "CREATE TABLE writes(number INTEGER PRIMARY KEY, id, version)",
    *(
        f"CREATE TRIGGER note_{event} AFTER {event} ON items BEGIN"
        " INSERT INTO writes(id, version) VALUES (NEW.id, NEW.version); END"
        for event in ("INSERT", "UPDATE")
    ),
)
_WRONG_ORDER = """SELECT count(*) FROM (SELECT version <= lag(version) OVER (PARTITION BY id ORDER BY number) AS wrong
  FROM writes) w WHERE wrong"""


class Mirrors:
    """Makes the source's items, the targets and a configuration in `folder`; the PostgreSQL target is in `cluster`.

    With the rule latest_wins a state that is applied again changes nothing; with source_wins it leaves a trace.
    """

    def __init__(self, folder, cluster, source, rows, other_tables=(), conflict="latest_wins"):
        self.source, self.rows, self._conflict = source, rows, conflict
        self.targets = PostgresDatabase(cluster, "target"), SqliteDatabase(folder / "target.db")
        items.create(source)
        items.load(source, 1, rows, SEED)
        items.create(self.targets[0])
        self.targets[0].execute(AUDIT)
        self._audited = [self.targets[0]]
        self._schema = "public." if source.dialect == "postgres" else ""
        self.syncline = Syncline(folder, self._configuration(["items", *other_tables]))

    def _configuration(self, tables):
        return {
            "log": "./log",
            "databases": {"source": self.source.url, "postgres": self.targets[0].url, "sqlite": self.targets[1].url},
            "defaults": {"every": "20ms", "cursor": "updated_at", "conflict": self._conflict},
            "pipelines": {
                name: {"from": "source", "to": name, "tables": {self._schema + t: {"to": t} for t in tables}}
                for name in ("postgres", "sqlite")
            },
        }

    def audit_sqlite(self):
        """Notes the writes to the SQLite target too, from now on: its table is there."""
        for sql in AUDIT_SQLITE:
            self.targets[1].execute(sql)
        self._audited.append(self.targets[1])

    @contextlib.contextmanager
    def writers(self, *more):
        """Users who write to the items all the while, and bodies of the test's own."""
        with Writers([*item_writers(self.source, self.rows, SEED), *more]):
            yield

    def check(self):
        """Once the writers have stopped: brings the targets up to date and compares. How many changes the log has."""
        self.syncline.run("run", "--once")
        for target in self.targets:
            oracle.assert_equal(
                oracle.Table(self.source, "items", items.COLUMNS), oracle.Table(target, "items", items.COLUMNS)
            )
        for target in self._audited:
            wrong = one(target, _WRONG_ORDER)
            assert wrong == 0, f"{target}: {wrong} states were applied twice, or after a later one"
        return self._check_log()

    def _check_log(self):
        """Offsets are dense from 0 on, no state is in the log twice, and both targets stand at the end."""
        end, last_version = 0, {}
        for change in log.changes(self.syncline, "source"):
            assert change.offset == end, f"the offsets have a hole: {change.offset} where {end} should be"
            end += 1
            if change.op == "upsert" and change.table == "items":
                key, version = change.row["id"], change.row["version"]
                assert version > last_version.get(key, 0), f"a state of row {key} is logged twice"
                last_version[key] = version
        assert end > self.rows
        assert log.stat(self.syncline, "source")["end"] == end  # which walks the chain
        for target in self.targets:
            at = one(target, "SELECT min(next_offset) FROM syncline_progress")
            assert at == end, f"{target} stands at {at}, the log ends at {end}"
        return end
