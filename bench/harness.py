"""What the end-to-end benches share: the binary and the tests' support code, the machine's facts, the CPU of a server."""

import os
import pathlib
import socket
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")


def use(binary):
    """Before anything of tests/system is imported: the binary is fixed when its support modules are loaded."""
    os.environ["SYNCLINE_BINARY"] = str(pathlib.Path(binary).resolve())
    sys.path.insert(0, str(ROOT / "tests/system"))


def facts():
    """One line for above a table of figures."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown CPU")
    with open("/proc/meminfo", encoding="utf-8") as file:
        gib = int(file.readline().split()[1]) / 2**20
    load = os.getloadavg()
    return f"{os.cpu_count()} x {model}, {gib:.0f} GiB, load at the start {load[0]:.1f} ({load[2]:.1f} over 15 minutes)"


def _times(pid):
    """Parent, CPU seconds of the process itself, and of its children that have ended; nothing when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    own, ended = (sum(map(int, fields[at : at + 2])) / _TICKS for at in (11, 13))
    return int(fields[1]), own, ended


def process_cpu(pid):
    """CPU seconds of one process so far."""
    return _times(pid)[1]


def server_cpu(*postmasters):
    """CPU seconds of whole servers so far: every backend, walsender, worker and checkpointer, those that have ended included."""
    # A process whose end is noted while /proc is being read is missed; it can never be counted twice.
    return max(_server_cpu(postmasters) for _ in range(3))


def _server_cpu(postmasters):
    total = 0.0
    for entry in os.listdir("/proc"):
        times = _times(entry) if entry.isdigit() else None
        if times is None:
            continue
        parent, own, ended = times
        if int(entry) in postmasters:
            total += own + ended
        elif parent in postmasters:
            total += own
    return total


class CountingProxy:
    """Stands before the Unix socket of a server and counts the bytes of all sessions, as a client sees them."""

    def __init__(self, server_folder, port=5432):
        self._server = f"{server_folder}/.s.PGSQL.{port}"
        self._folder = tempfile.TemporaryDirectory(prefix="syncline-proxy-", dir="/tmp")
        self.folder = self._folder.name
        self.sent = self.received = 0
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{self.folder}/.s.PGSQL.{port}")
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
        self._folder.cleanup()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            for one, other, name in ((client, server, "sent"), (server, client, "received")):
                threading.Thread(target=self._pump, args=(one, other, name), daemon=True).start()

    def _pump(self, one, other, name):
        try:
            while data := one.recv(1 << 18):
                with self._lock:
                    setattr(self, name, getattr(self, name) + len(data))
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:  # one of the two has gone
            pass
