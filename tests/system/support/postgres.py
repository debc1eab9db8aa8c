"""A PostgreSQL cluster of the test's own: a temporary folder, a Unix socket, no network."""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import urllib.parse

import psycopg2

from support.processes import die_with_parent
from support.waiting import eventually

PORT = 5432  # only part of the socket's file name: nothing listens on the network


def _programs():
    """The folder of the newest server on this machine."""
    folders = glob.glob("/usr/lib/postgresql/*/bin")
    if not folders:
        raise RuntimeError("no server in /usr/lib/postgresql; tools/setup --test installs one")
    return max(folders, key=lambda folder: int(folder.split("/")[4]))


class Cluster:
    """Starts at once; `close` (or the end of a with block) stops it and removes its folder.

    Runs as the user `postgres` when the test runs as root, which PostgreSQL refuses to, else as the test's own user.
    `hba` are lines of pg_hba.conf put before the one that trusts everybody; `settings` go to the server.
    """

    def __init__(self, hba="", **settings):
        # A socket's name may have 107 bytes only, so the folder is near the root whatever TMPDIR says.
        self.folder = tempfile.mkdtemp(prefix="syncline-pg-", dir="/tmp")
        self._server = None
        self._settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.folder,
            "port": PORT,
            "max_prepared_transactions": 50,
            "max_connections": 100,
            "fsync": "off",
            "shared_buffers": "128MB",
            "max_wal_size": "4GB",
            "log_min_messages": "fatal",
            "timezone": "UTC",
            **settings,
        }
        try:
            self._make(hba)
            self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _make(self, hba):
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        os.chmod(self.folder, 0o755)  # the program under test may run as somebody else
        data = f"{self.folder}/data"
        made = self._popen(
            "initdb", "-D", data, "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C"
        )
        if made.wait(60) != 0:
            raise RuntimeError(f"initdb failed:\n{self.server_log()}")
        with open(f"{data}/pg_hba.conf", "w", encoding="utf-8") as file:
            file.write(f"{hba}\nlocal all all trust\n")

    def standby(self):
        """Another cluster that follows this one, until it is promoted."""
        return Standby(self)

    def _popen(self, program, *arguments):
        as_server_user = {}
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            as_server_user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        with open(f"{self.folder}/server.log", "ab") as log:
            return subprocess.Popen(
                [f"{_programs()}/{program}", *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                preexec_fn=die_with_parent, **as_server_user,
            )  # fmt: skip

    def program(self, name, *arguments):
        """Runs one of the server's programs as the server's user; fails where it fails."""
        ended = self._popen(name, *arguments).wait(60)
        if ended != 0:
            raise RuntimeError(f"{name} ended with {ended}:\n{self.server_log()}")

    def server_log(self):
        with open(f"{self.folder}/server.log", encoding="utf-8") as log:
            return log.read()

    def start(self):
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self._server = self._popen("postgres", "-D", f"{self.folder}/data", *settings)
        eventually(self._is_ready, "PostgreSQL to accept connections")

    @property
    def pid(self):
        """Of the server's first process."""
        return self._server.pid

    def _is_ready(self):
        if self._server.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended with {self._server.returncode}:\n{self.server_log()}")
        try:
            self.connect("postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def stop(self, immediate=False):
        """Ends every session and the server; `immediate` leaves it to recover as after a crash."""
        if self._server is None:
            return
        self._server.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        self._server.wait(60)
        self._server = None

    def restart(self, immediate=False):
        self.stop(immediate)
        self.start()

    def close(self):
        self.stop(immediate=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database, user="postgres", password=None):
        """What goes into Syncline's configuration."""
        login = urllib.parse.quote(user) + (f":{urllib.parse.quote(password)}" if password else "")
        return f"postgresql://{login}@/{database}?host={self.folder}&port={PORT}"

    def connect(self, database, user="postgres", autocommit=True):
        connection = psycopg2.connect(host=self.folder, port=PORT, user=user, dbname=database)
        connection.autocommit = autocommit
        return connection

    def execute(self, database, sql, parameters=None):
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
        finally:
            connection.close()

    def create_database(self, name):
        """An empty database, replacing one of that name."""
        self.execute("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.execute("postgres", f'CREATE DATABASE "{name}"')

    def create_reader(self, database, user="reader", password=None):
        """A role that may log in and SELECT, and nothing else: all that Syncline needs on a source."""
        login = f"CREATE ROLE {user} LOGIN" + (f" PASSWORD '{password}'" if password else "")
        self.execute(
            database,
            f"DO $$ BEGIN {login}; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}",
        )


class Standby(Cluster):
    """A copy of a running cluster that replays its WAL as it comes."""

    def __init__(self, primary):
        self._primary = primary
        super().__init__(hot_standby="on")

    def _make(self, hba):
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        os.chmod(self.folder, 0o755)
        made = self._popen(
            "pg_basebackup", "-D", f"{self.folder}/data", "-R", "-X", "stream", "-c", "fast", "--no-sync",
            "-h", self._primary.folder, "-p", str(PORT), "-U", "postgres",
        )  # fmt: skip
        if made.wait(120) != 0:
            raise RuntimeError(f"pg_basebackup failed:\n{self.server_log()}")

    def caught_up(self):
        """Once what the primary has written so far is replayed."""
        with self._primary.connect("postgres") as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_wal_insert_lsn()")
            position = cursor.fetchone()[0]

        def replayed():
            connection = self.connect("postgres")
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (position,))
                    return cursor.fetchone()[0]
            finally:
                connection.close()

        eventually(replayed, "the standby to catch up")

    def promote(self):
        self.execute("postgres", "SELECT pg_promote()")
