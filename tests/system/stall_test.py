"""Servers, networks, children and processes that say nothing: a stop ends every state within ten seconds, silence is told and
overcome, and what is only slow is let be. The proxies hold what comes through them; nothing is lost in them."""

import fcntl
import os
import signal
import subprocess
import time
import unittest

from support import items
from support.databases import PostgresDatabase, SqliteDatabase, one
from support.oracle import Table, differences
from support.postgres import PORT, Cluster
from support.processes import die_with_parent
from support.stalling import StallingProxy
from support.syncline import BINARY, Syncline, SystemTest
from support.waiting import eventually

STOP_MAX = 10.0  # seconds from the stop to the end of the process


def processes_of(cluster):
    """The server's first process and all that it has started."""
    children = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == cluster.pid:
            children.append(int(pid))
    return [cluster.pid, *children]


def tell(processes, what):
    """A signal for each that is still there."""
    for pid in processes:
        try:
            os.kill(pid, what)
        except ProcessLookupError:
            pass


class StallTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def proxy(self, cluster=None):
        made = StallingProxy(f"{(cluster or self.cluster).folder}/.s.PGSQL.{PORT}")
        self.addCleanup(made.close)
        return made

    def way(self, name, stall=None, rows=500, cluster=None, **options):
        """A source and a target, each behind a proxy of its own, with rows that are not synced yet."""
        cluster = cluster or self.cluster
        source, target = PostgresDatabase(cluster, f"{name}_a"), PostgresDatabase(cluster, f"{name}_b")
        items.create(source)
        items.load(source, 1, rows)
        proxies = [self.proxy(cluster), self.proxy(cluster)]
        urls = [
            f"postgresql://postgres@127.0.0.1:{proxy.port}/{database.name}"
            for proxy, database in zip(proxies, (source, target))
        ]
        defaults = {"every": "20ms", "cursor": "updated_at", "retry_intervals": ["50ms"], **options}
        if stall:
            defaults["stall"] = stall
        syncline = Syncline(
            self.folder / name,
            {
                "log": "./log",
                "databases": {"from": urls[0], "to": urls[1]},
                "defaults": defaults,
                "pipelines": {"way": {"from": "from", "to": "to", "tables": {"public.items": {}}}},
            },
        )
        return source, target, proxies, syncline

    def differences(self, source, target):
        return differences(Table(source, "items", items.COLUMNS), Table(target, "items", items.COLUMNS))

    def are_equal(self, source, target):
        try:
            return not self.differences(source, target)
        except Exception:  # pylint: disable=broad-except
            return False  # the table is not there yet

    def end(self, process):
        """SIGTERM; the process ends of itself, well, and in time."""
        began = time.monotonic()
        process.terminate(expect=0, timeout=30)
        self.assertLess(time.monotonic() - began, STOP_MAX, str(process))

    def test_a_stop_ends_every_stalled_state(self):
        # Seen to fail on a build that waits in libpq: the processes were there after two minutes.
        running = {}

        def start(name, hold=lambda source, target: None):
            source, target, proxies, syncline = self.way(name, rows=2_000)
            hold(*proxies)
            running[name] = (self.enterContext(syncline.start("run")), source, target, proxies, syncline)
            return proxies

        start("poll")
        start("commit")
        _, to_proxy = start("apply", lambda source, target: target.hold("up", after=30_000))
        eventually(lambda: to_proxy.is_holding("up"), "the apply to stand still")
        _, to_proxy = start("target", lambda source, target: target.hold("down", after=2_000))
        eventually(lambda: to_proxy.is_holding("down"), "the target to stand still")
        from_proxy, _ = start("load", lambda source, target: source.hold("down", after=60_000))
        eventually(lambda: from_proxy.is_holding("down"), "the load to stand still")
        for name in ("poll", "commit"):
            _, source, target, (from_proxy, to_proxy), _ = running[name]
            eventually(lambda: self.are_equal(source, target), f"{name} to be in step")
            if name == "poll":
                from_proxy.hold("down")
            else:
                self.hold_in_commit(source, target, to_proxy)
        # An address that gives no answer is an error after ten seconds.
        connecting, _ = start("connect", lambda source, target: source.hold())
        greeting, _ = start("handshake", lambda source, target: source.hold("down", after=100))
        eventually(lambda: connecting.taken and greeting.is_holding("down"), "both to connect")
        began = time.monotonic()
        for process, *_ in running.values():
            os.kill(process.pid, signal.SIGTERM)
        for name, (process, *_) in running.items():
            with self.subTest(name):
                process.wait(expect=0, timeout=30)
                self.assertLess(time.monotonic() - began, STOP_MAX, name)
        for name, (_, source, target, proxies, syncline) in running.items():
            with self.subTest(name, then="equal"):
                for proxy in proxies:
                    proxy.release()
                    proxy.cut()
                syncline.run("run", "--once")
                self.assertEqual(self.differences(source, target), [])
                self.assertEqual(one(target, "SELECT count(*) FROM syncline_conflicts"), 0)

    def hold_in_commit(self, source, target, proxy):
        """Makes a change whose commit the target carries out while its answer stays in the proxy."""
        target.execute(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$;"
            "CREATE CONSTRAINT TRIGGER wait AFTER INSERT OR UPDATE ON items DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION wait()"
        )
        with target.connect() as holder, holder.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(7)")
            holder.commit()
            source.execute("UPDATE items SET payload = 'in commit', updated_at = now() WHERE id = 1")
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND query = 'COMMIT' AND wait_event_type = 'Lock'"
            )
            eventually(lambda: one(target, waiting) == 1, "the target to be in a commit")
            proxy.hold("down")
            cursor.execute("SELECT pg_advisory_unlock(7)")
            holder.commit()
        eventually(
            lambda: one(target, "SELECT payload FROM items WHERE id = 1") == "in commit", "the commit to be carried out"
        )

    def test_silence_is_told_and_overcome(self):
        # Fails on a build that waits in libpq: nothing is told, and nothing goes on until the proxy lets go.
        for name, which in {"source": 0, "target": 1}.items():
            with self.subTest(name):
                source, target, proxies, syncline = self.way(
                    f"told_{name}", stall="2s", on_error={"command": f'echo "$SYNCLINE_STATE" >> {self.folder}/{name}.news'}
                )
                news = self.folder / f"{name}.news"
                with syncline.start("run") as process:
                    eventually(lambda: self.are_equal(source, target), "the pipeline to be in step")
                    if name == "source":
                        proxies[0].hold()
                    else:
                        self.hold_in_commit(source, target, proxies[1])
                    eventually(lambda: "failed" in (news.read_text() if news.exists() else ""), "the hook to be told", 20)
                    self.assertIn("no answer for 2 s", process.output())
                    items.change(source, 500, 100, seed=name)
                    proxies[which].release()
                    eventually(lambda: self.are_equal(source, target), "the pipeline to go on")
                    eventually(lambda: "recovered" in news.read_text(), "the hook to be told of the end")
                    self.end(process)
                self.assertEqual(one(target, "SELECT count(*) FROM syncline_conflicts"), 0)

    def test_what_is_slow_is_let_be(self):
        # Seen to fail on a build that gives a server a sixth of a second to say that it is at work.
        source, target, (from_proxy, to_proxy), syncline = self.way("slow", stall="1s")
        syncline.run("run", "--once")
        target.execute(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(4); RETURN NULL; END $$;"
            "CREATE TRIGGER slow AFTER UPDATE ON items FOR EACH STATEMENT EXECUTE FUNCTION slow()"
        )
        source.execute("UPDATE items SET payload = 'slow', updated_at = now() WHERE id <= 10")
        from_proxy.delay = to_proxy.delay = 0.05
        result = syncline.run("run", "--once")
        self.assertNotIn("no answer", result.stderr)
        self.assertEqual(self.differences(source, target), [])

    def test_a_server_that_is_suspended(self):
        # Fails on a build that waits in libpq: nothing is told, and the process does not end.
        cluster = Cluster()
        self.addCleanup(cluster.close)
        source, target, _, syncline = self.way("suspended", stall="2s", cluster=cluster)
        with syncline.start("run") as process:
            eventually(lambda: self.are_equal(source, target), "the pipeline to be in step")
            suspended = processes_of(cluster)
            try:
                tell(suspended, signal.SIGSTOP)
                eventually(lambda: "no answer for 2 s" in process.output(), "the silence to be told", 20)
                self.end(process)
            finally:
                tell(suspended, signal.SIGCONT)
        items.change(source, 500, 100, seed="suspended")
        syncline.run("run", "--once")
        self.assertEqual(self.differences(source, target), [])

    def test_syncline_itself_is_suspended(self):
        # Fails when the time that this process has slept through counts as the server's silence.
        source, target, _, syncline = self.way("asleep", stall="1s")
        with syncline.start("run") as process:
            eventually(lambda: self.are_equal(source, target), "the pipeline to be in step")
            os.kill(process.pid, signal.SIGSTOP)
            items.change(source, 500, 300, seed="asleep")
            time.sleep(3)  # the state that is tested is time going by
            os.kill(process.pid, signal.SIGCONT)
            eventually(lambda: self.are_equal(source, target), "the pipeline to go on")
            self.assertNotIn("no answer", process.output())
            self.end(process)

    def test_commands_beside_a_suspended_writer(self):
        # Fails on a build that waits for the writer's answer, however long it takes.
        source, target, _, syncline = self.way("beside", stall="2s")
        with syncline.start("run") as process:
            eventually(lambda: self.are_equal(source, target), "the pipeline to be in step")
            os.kill(process.pid, signal.SIGSTOP)
            try:
                for command in (("log", "backup", str(self.folder / "copy")), ("verify",)):
                    with self.subTest(command[0]):
                        result = syncline.run(*command, expect=3, timeout=30)
                        self.assertIn("says nothing for", result.stderr)
            finally:
                os.kill(process.pid, signal.SIGCONT)
            self.assertTrue(syncline.run("verify", "--json").json()["equal"])
            self.end(process)

    def test_a_hook_that_never_ends(self):
        # Fails on a build whose hooks have a time of their own only, which is 35 s.
        source, target, (from_proxy, _), syncline = self.way(
            "hook", stall="1s", on_error={"command": f"touch {self.folder}/begun; trap '' TERM; sleep 100; sleep 100"}
        )
        with syncline.start("run") as process:
            eventually(lambda: self.are_equal(source, target), "the pipeline to be in step")
            from_proxy.hold()
            eventually((self.folder / "begun").exists, "the hook to be called", 20)
            self.end(process)

    def test_a_log_that_nobody_reads(self):
        # Seen to fail on a build that waits for whoever reads its stderr: nothing was synced, and no SIGTERM ended it.
        source, target, _, syncline = self.way("unread")
        read, write = os.pipe()
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        try:
            os.write(write, b"x" * 4096)
            process = subprocess.Popen(
                [BINARY, "run", "--log-level", "debug"], cwd=syncline.folder, stderr=write, stdout=subprocess.DEVNULL,
                preexec_fn=die_with_parent,
            )  # fmt: skip
            try:
                eventually(lambda: self.are_equal(source, target), "the pipeline to be in step")
                os.read(read, 4096)
                new = items.change(source, 500, 10, seed="unread")
                eventually(lambda: self.are_equal(source, target), "the pipeline to go on")
                self.assertIn(b"nobody read in time", os.read(read, 4096))
                # Seen to fail where SIGPIPE ended the process.
                os.close(read)
                read = None
                items.change(source, 500 + new, 10, seed="gone")
                eventually(lambda: self.are_equal(source, target), "the pipeline to go on without a reader")
                process.terminate()
                self.assertEqual(process.wait(STOP_MAX), 0)
            finally:
                process.kill()
                process.wait()
        finally:
            if read is not None:
                os.close(read)
            os.close(write)

    def test_what_is_no_file_is_no_database(self):
        # Seen to fail on a build that opens whatever is there: it waited for somebody to open the other end.
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        (self.folder / "link").symlink_to(pipe)
        good = SqliteDatabase(self.folder / "good.db")
        good.execute("CREATE TABLE items(id INTEGER PRIMARY KEY, updated_at TEXT NOT NULL)")
        for name, urls in {
            "source": (f"sqlite:{self.folder}/link", good.url),
            "target": (good.url, f"sqlite:{pipe}"),
            "device": ("sqlite:/dev/zero", good.url),
        }.items():
            with self.subTest(name):
                syncline = self.between(name, *urls)
                for command in ("check", "run"):
                    result = syncline.run(command, expect=3, timeout=30)
                    self.assertIn("is not a file but", result.stdout + result.stderr)

    def between(self, name, source, target):
        return Syncline(
            self.folder / name,
            {
                "log": "./log",
                "databases": {"from": source, "to": target},
                "defaults": {"every": "20ms", "cursor": "updated_at"},
                "pipelines": {"way": {"from": "from", "to": "to", "tables": {"items": {"key": ["id"]}}}},
            },
        )

    def test_an_endless_view_is_interrupted(self):
        # Seen to fail on a build without a progress handler: it was there after 30 s.
        source, target = SqliteDatabase(self.folder / "endless.db"), SqliteDatabase(self.folder / "copy.db")
        source.execute(
            "CREATE VIEW items AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) "
            "SELECT id, '2026-01-01 00:00:00' AS updated_at FROM n"
        )
        syncline = self.between("endless", source.url, target.url)
        with syncline.start("run", "--log-level", "debug") as process:

            def is_at_work():
                with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
                return int(fields[11]) > 50  # ticks of CPU

            eventually(is_at_work, "the view to be read")
            self.end(process)


if __name__ == "__main__":
    unittest.main()
