"""Another user of the same machine, against what the program leaves there: the log, the history of runs, the control
socket, what ps shows. Runs as root where it can, with `nobody` as the other user.

Seen to fail on the build of 29 November 2026 in every case: the log had mode 0644, a link of another user was followed,
another user could open the lock file, anybody's listener could answer `log backup`, and ps showed a password.
"""

import contextlib
import os
import pathlib
import pwd
import sqlite3
import stat
import subprocess
import sys
import unittest

from support.processes import die_with_parent
from support.syncline import SystemTest, Syncline
from support.waiting import eventually

ENVIRONMENT = 3
SECRET = "card 4111-1111"
NOBODY = pwd.getpwnam("nobody")
IS_ROOT = os.geteuid() == 0
CONFIGURATION = """\
log: ./log
databases: {src: "sqlite:src.db", dst: "sqlite:dst.db"}
defaults: {cursor: updated_at, every: 50ms}
pipelines: {p: {from: src, to: dst, tables: {items: {}}}}
"""


def as_nobody(code, *arguments):
    """Runs Python as the other user: its exit code and output."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[], cwd="/", text=True, capture_output=True,
        timeout=60, preexec_fn=die_with_parent,
    )  # fmt: skip


def start_as_nobody(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[], cwd="/", text=True, stdout=subprocess.PIPE,
        preexec_fn=die_with_parent,
    )  # fmt: skip


class PrivateLogTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.folder.chmod(0o755)
        self.syncline = Syncline(self.folder, CONFIGURATION)
        self.log = self.folder / "log"
        with contextlib.closing(sqlite3.connect(self.folder / "src.db")) as source:
            source.execute("CREATE TABLE items(id INTEGER PRIMARY KEY, secret TEXT, updated_at TEXT NOT NULL)")
            source.execute("INSERT INTO items VALUES (1, ?, '2026-01-01 00:00:00')", (SECRET,))
            source.commit()
        (self.folder / "src.db").chmod(0o600)
        before = os.umask(0)
        self.addCleanup(os.umask, before)

    def add_row(self, number):
        with contextlib.closing(sqlite3.connect(self.folder / "src.db")) as source:
            source.execute("INSERT INTO items VALUES (?, 'x', '2026-01-02 00:00:00')", (number,))
            source.commit()

    def rows(self):
        with contextlib.closing(sqlite3.connect(self.folder / "dst.db")) as target:
            return target.execute("SELECT count(*) FROM items").fetchone()[0]

    def entries(self):
        return [self.log, *self.log.rglob("*")]

    def loosen(self):
        """What earlier builds have left under the umask 022."""
        for path in self.entries():
            path.chmod(0o755 if path.is_dir() else 0o644)

    def assert_private(self):
        for path in self.entries():
            mode = stat.S_IMODE(path.lstat().st_mode)
            self.assertEqual(mode, 0o700 if path.is_dir() else 0o600, f"{path} has mode {mode:o}")

    def test_a_log_is_its_users_alone_whatever_the_umask(self):
        self.syncline.run("run", "--once")
        self.assert_private()
        with self.syncline.start("run") as running:
            eventually((self.log / "src/control").exists, "the socket to be there")
            self.syncline.run("log", "backup", self.folder / "backup")
            self.add_row(2)
            eventually(lambda: self.rows() == 2, "the row to arrive")
            self.assert_private()
            running.terminate()
        for path in [self.folder / "backup", *(self.folder / "backup").rglob("*")]:
            self.assertEqual(stat.S_IMODE(path.lstat().st_mode) & 0o077, 0, path)
        if IS_ROOT:
            found = as_nobody("import sys, os; os.listdir(sys.argv[1])", self.log / "src")
            self.assertIn("Permission denied", found.stderr)

    def test_a_log_of_an_earlier_build_is_tightened_with_one_line(self):
        self.syncline.run("run", "--once")
        self.loosen()
        told = self.syncline.run("check").stdout
        self.assertIn("other users may look into", told)
        self.add_row(2)
        told = self.syncline.run("run", "--once").stderr
        self.assertEqual(told.count("now they cannot"), 1, told)
        self.assert_private()
        self.assertEqual(self.rows(), 2)
        self.assertNotIn("now they cannot", self.syncline.run("run", "--once").stderr)

    def test_what_others_could_write_is_refused_and_left(self):
        self.syncline.run("run", "--once")
        for path, mode in ((self.log / "src", 0o777), (self.log / "src", 0o770), (self.log, 0o777)):
            before = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode)
            for command in (("run", "--once"), ("check",)):
                result = self.syncline.run(*command, expect=ENVIRONMENT)
                self.assertIn("hint", result.stderr + result.stdout)
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), mode)
            path.chmod(before)
        self.syncline.run("run", "--once")

    def test_a_way_that_others_may_change_is_refused(self):
        (self.folder / "open").mkdir(mode=0o777)
        self.syncline.configure(CONFIGURATION.replace("./log", "./open/log"))
        told = self.syncline.run("run", "--once", expect=ENVIRONMENT).stderr
        self.assertIn("chmod o-w", told)
        self.assertFalse((self.folder / "open/log/src").exists())
        (self.folder / "open").chmod(0o1777)
        self.syncline.run("run", "--once")

    @unittest.skipUnless(IS_ROOT, "only root can be two users")
    def test_links_and_folders_of_another_user_are_refused(self):
        victim = self.folder / "victim"
        victim.write_text("precious")
        victim.chmod(0o600)
        self.log.mkdir(mode=0o777)
        code = (
            "import os, sys; log, victim = sys.argv[1:]; os.umask(0); os.mkdir(log + '/src', 0o777);"
            "os.symlink(victim, log + '/src/durable.new'); os.symlink(victim + '.made', log + '/runs.lock');"
            "os.symlink(victim + '.made', log + '/runs.db')"
        )
        made = as_nobody(code, self.log, victim)
        self.assertEqual(made.returncode, 0, made.stderr)
        for owner in ("nobody", "root"):
            told = self.syncline.run("run", "--once", expect=ENVIRONMENT).stderr
            self.assertIn("hint", told)
            self.assertEqual(victim.read_text(), "precious")
            self.assertFalse(pathlib.Path(f"{victim}.made").exists())
            if owner == "nobody":  # the folder itself is put right, what is in it is not
                self.log.chmod(0o755)

    @unittest.skipUnless(IS_ROOT, "only root can be two users")
    def test_another_users_lock_stops_nothing(self):
        self.syncline.run("run", "--once")
        held = as_nobody("import sys; open(sys.argv[1])", self.log / "src/LOCK")
        self.assertIn("Permission denied", held.stderr)
        held = as_nobody("import sys; open(sys.argv[1])", self.log / "runs.lock")
        self.assertIn("Permission denied", held.stderr)

    @unittest.skipUnless(IS_ROOT, "only root can be two users")
    def test_both_ends_of_the_control_socket_look_at_the_user(self):
        control = self.log / "src/control"
        with self.syncline.start("run") as running:
            eventually(control.exists, "the socket to be there")
            # Even where the way is open, the other end is asked who it is.
            for path, mode in ((self.log, 0o711), (self.log / "src", 0o711), (control, 0o666)):
                path.chmod(mode)
            ask = (
                "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
                's.sendall(b\'{"do":"poll"}\\n\'); s.settimeout(30); print(s.recv(100))'
            )
            answer = as_nobody(ask, control)
            self.assertNotIn("done", answer.stdout)
            self.assertNotIn("error", answer.stdout)
            for path in (self.log, self.log / "src"):
                path.chmod(0o700)
            self.syncline.run("log", "backup", self.folder / "backup")
            # Somebody else's listener in the place of the socket gets no order.
            control.unlink()
            for path in (self.log, self.log / "src"):
                path.chmod(0o777)
            listen = (
                "import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]);"
                "os.chmod(sys.argv[1], 0o777); s.listen(1); print('ready', flush=True); c, _ = s.accept();"
                "got = c.recv(200); print('got', got, flush=True)"
            )
            with start_as_nobody(listen, control) as listener:
                self.assertEqual(listener.stdout.readline(), "ready\n")
                for path in (self.log, self.log / "src"):
                    path.chmod(0o700)
                told = self.syncline.run("log", "backup", self.folder / "another", expect=ENVIRONMENT).stderr
                self.assertIn("listens the user nobody", told)
                self.assertEqual(listener.stdout.readline(), "got b''\n")
            self.assertFalse((self.folder / "another").exists())
            running.terminate()

    def test_init_writes_a_file_for_its_user_alone(self):
        self.syncline.run("init", "sqlite:src.db", "-o", "made.yaml")
        self.assertEqual(stat.S_IMODE((self.folder / "made.yaml").stat().st_mode), 0o600)

    def test_a_target_is_made_with_the_umask_and_check_says_so(self):
        told = self.syncline.run("check").stdout
        self.assertIn("all users of this machine will be able to read", told)
        self.syncline.run("run", "--once")
        (self.folder / "dst.db").chmod(0o644)
        told = self.syncline.run("check").stdout
        self.assertIn("all users of this machine can read", told)
        self.assertIn("chmod o-r", told)
        (self.folder / "dst.db").chmod(0o600)
        self.assertNotIn("all users", self.syncline.run("check").stdout)


if __name__ == "__main__":
    unittest.main()
