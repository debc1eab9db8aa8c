"""pgbouncer in front of a cluster: a Unix socket in a temporary folder, no network."""

import os
import pwd
import shutil
import subprocess
import tempfile

import psycopg2

from support.postgres import PORT
from support.processes import die_with_parent
from support.waiting import eventually


class Pooler:
    """Starts at once; `close` (or the end of a with block) stops it. Takes whatever users the cluster takes.

    `mode` is pgbouncer's pool_mode; `settings` go into its configuration.
    """

    def __init__(self, cluster, mode, **settings):
        self.folder = tempfile.mkdtemp(prefix="syncline-pool-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        as_user = {}
        if os.geteuid() == 0:  # which pgbouncer refuses
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            as_user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        chosen = {
            "listen_addr": "", "unix_socket_dir": self.folder, "listen_port": PORT, "auth_type": "any",
            "pool_mode": mode, "default_pool_size": 3, **settings,
        }  # fmt: skip
        lines = [f"{name} = {value}" for name, value in chosen.items()]
        with open(f"{self.folder}/pgbouncer.ini", "w", encoding="utf-8") as file:
            # auth_type any forgets who the client is.
            file.write(f"[databases]\n* = host={cluster.folder} port={PORT} user=postgres\n[pgbouncer]\n")
            file.write("\n".join(lines) + "\n")
        with open(f"{self.folder}/log", "wb") as log:
            self._process = subprocess.Popen(
                ["pgbouncer", f"{self.folder}/pgbouncer.ini"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=die_with_parent, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}, **as_user,
            )  # fmt: skip
        try:
            eventually(self._is_ready, "pgbouncer to take connections")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _is_ready(self):
        if self._process.poll() is not None:
            with open(f"{self.folder}/log", encoding="utf-8") as log:
                raise RuntimeError(f"pgbouncer ended with {self._process.returncode}:\n{log.read()}")
        try:
            self.connect("postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def close(self):
        self._process.kill()
        self._process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database):
        return f"postgresql://postgres@/{database}?host={self.folder}&port={PORT}"

    def connect(self, database):
        connection = psycopg2.connect(host=self.folder, port=PORT, user="postgres", dbname=database)
        connection.autocommit = True
        return connection
