"""What builds of the past have left on the disk, brought to life again. tests/golden/make has made it."""

import contextlib
import fcntl
import json
import pathlib
import shutil
import struct
import subprocess

from support.postgres import PORT, Cluster
from support.syncline import REPOSITORY, Syncline

# The log of a SQLite file knows the file by its path, so there is one place for all of them.
FOLDER = pathlib.Path("/tmp/syncline-golden")
ARCHIVES = REPOSITORY / "tests/golden"


def environment(cluster):
    """What the golden configuration takes from the environment."""
    return {"GOLDEN_HOST": cluster.folder, "GOLDEN_PORT": str(PORT)}


def names():
    return sorted(path.name.removesuffix(".tar.xz") for path in ARCHIVES.glob("*.tar.xz"))


@contextlib.contextmanager
def golden(name):
    """That folder as it was, and a cluster which is the one that it knows: the program in it, and the cluster."""
    with open("/tmp/syncline-golden.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(mode=0o700)
        subprocess.run(["tar", "-C", str(FOLDER), "-xJf", str(ARCHIVES / f"{name}.tar.xz")], check=True)
        known = json.loads((FOLDER / "golden.json").read_text(encoding="utf-8"))
        with Cluster() as cluster:
            _become(cluster, int(known["system_identifier"]))
            for database in ("source", "target"):
                cluster.create_database(database)
                cluster.execute(database, (FOLDER / f"{database}.sql").read_text(encoding="utf-8"))
            yield Syncline(FOLDER), cluster
        shutil.rmtree(FOLDER, ignore_errors=True)


def _become(cluster, system_identifier):
    """Gives a cluster the identity of another one: a log belongs to one cluster for good."""
    cluster.stop()
    data = pathlib.Path(cluster.folder) / "data"
    control = data / "global/pg_control"
    content = bytearray(control.read_bytes())
    struct.pack_into("<Q", content, 0, system_identifier)
    end = _checksum_place(control.read_bytes())
    struct.pack_into("<I", content, end, _crc32c(content[:end]))
    control.write_bytes(content)
    # The write-ahead log names the identity, too.
    cluster.program("pg_resetwal", "-f", str(data))
    cluster.start()


def _checksum_place(content):
    """Where pg_control holds the checksum of what stands before it; differs from version to version."""
    for place in range(200, 400, 4):
        if struct.unpack_from("<I", content, place)[0] == _crc32c(content[:place]):
            return place
    raise RuntimeError("pg_control has no checksum where one was looked for")


def _crc32c(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 & -(crc & 1))
    return crc ^ 0xFFFFFFFF
