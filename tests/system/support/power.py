"""Power cuts: what a folder could hold if the machine had lost its power at some moment of a traced run.

A run in the environment of `traced` has tests/support/power_calls.cc preloaded, which writes down every call that changes a
file below a folder or makes it durable. `Trace.cut` plays the calls back up to a moment. What was synced is there. Of what was not, each
sector of 512 bytes is there or not by chance, and of the names that were made, moved and removed in folders that were not
synced since, the first few are. A file's own sync keeps its content and not its name.
"""

import dataclasses
import os
import pathlib
import shutil
import struct

from support.syncline import REPOSITORY

SECTOR = 512
HEADER = struct.Struct("<cQQQ")
LIBRARY = os.environ.get("SYNCLINE_POWER_LIBRARY") or str(
    REPOSITORY / "build/tests/support/libsyncline_power_trace.so"
)
# Memory that SQLite's processes share; it goes with the machine.
MEMORY_ONLY = ("-shm",)


def traced(root, trace):
    return {"LD_PRELOAD": LIBRARY, "SYNCLINE_POWER_ROOT": str(root), "SYNCLINE_POWER_TRACE": str(trace)}


@dataclasses.dataclass
class Call:
    kind: str
    file: int
    offset: int
    data: bytes

    @property
    def name(self):
        return self.data.decode()

    @property
    def names(self):
        return [part.decode() for part in self.data.split(b"\0")]


class Content:
    """A file's bytes: those that are safe, and the calls since."""

    def __init__(self, safe=b""):
        self.safe = bytearray(safe)
        self.since = []

    def sync(self):
        for call in self.since:
            self._apply(self.safe, call.kind, call.offset, call.data)
        self.since = []

    @staticmethod
    def _apply(content, kind, offset, data):
        if kind == "t":
            del content[offset:]
            content.extend(bytes(offset - len(content)))
        else:
            content.extend(bytes(max(0, offset - len(content))))
            content[offset : offset + len(data)] = data

    def after_cut(self, rng):
        content = bytearray(self.safe)
        kept = rng.choice((0, 0.5, 0.9, 1))
        for call in self.since:
            if call.kind == "t":
                if rng.random() < kept:
                    self._apply(content, "t", call.offset, b"")
                continue
            at = call.offset
            while at < call.offset + len(call.data):
                end = min(call.offset + len(call.data), (at // SECTOR + 1) * SECTOR)
                if rng.random() < kept:
                    self._apply(content, "w", at, call.data[at - call.offset : end - call.offset])
                at = end
        return bytes(content)


class Names:
    """What the folders hold: name -> number of a file; of a folder a number below zero, which it keeps when it is moved."""

    ROOT = 0

    def __init__(self, safe):
        self.safe = {}
        for name, number in safe.items():
            self.safe[name] = self._new_folder() if number is None else number
        self.now = dict(self.safe)
        self.since = []  # (call, numbers of the folders that it changes, number of what it makes or moves)

    _folders = 0

    def _new_folder(self):
        self._folders -= 1
        return self._folders

    def _folder(self, name):
        return self.now[name] if name not in (".", "") else self.ROOT

    def do(self, call):
        folders = {self._folder(os.path.dirname(name)) for name in call.names}
        number = self._new_folder() if call.kind == "m" else call.file or self.now.get(call.names[0])
        self._apply(self.now, call, number)
        self.since.append((call, folders, number))

    def sync(self, name):
        """All that happened in that folder, and the folders made and moved before, on which that may rest."""
        folder = self._folder(name)
        last = max((i for i, (_, folders, _) in enumerate(self.since) if folder in folders), default=-1)
        rest = []
        for i, (call, folders, number) in enumerate(self.since):
            if i <= last and (folder in folders or self.is_folder(number)):
                self._apply(self.safe, call, number)
            else:
                rest.append((call, folders, number))
        self.since = rest

    @staticmethod
    def is_folder(number):
        return isinstance(number, int) and number < 0

    def after_cut(self, rng):
        names = dict(self.safe)
        for call, _, number in self.since[: rng.randint(0, len(self.since))]:
            self._apply(names, call, number)
        return names

    @staticmethod
    def _apply(names, call, number):
        if call.kind in "om":
            names[call.name] = number
        elif call.kind in "un":
            names.pop(call.name, None)
        elif call.kind == "l":
            old, new = call.names
            if old in names:
                names[new] = names[old]
        else:
            old, new = call.names
            below = {name for name in names if name == old or name.startswith(old + "/")}
            above = {name for name in names if name == new or name.startswith(new + "/")}
            moved = {new + name[len(old) :]: names.pop(name) for name in below}
            there = {old + name[len(new) :]: names.pop(name) for name in above}
            names.update(moved)
            if call.kind == "x":
                names.update(there)


class Trace:
    """The calls of one traced run over a folder that held `before` at its beginning."""

    def __init__(self, before, trace):
        self._before = {
            str(path.relative_to(before)): None if path.is_dir() else path.read_bytes()
            for path in sorted(pathlib.Path(before).rglob("*"))
        }
        self.calls = list(self._read(pathlib.Path(trace).read_bytes()))

    @staticmethod
    def _read(data):
        at = 0
        while at + HEADER.size <= len(data):
            kind, file, offset, length = HEADER.unpack_from(data, at)
            at += HEADER.size
            yield Call(kind.decode(), file, offset, data[at : at + length])
            at += length

    def cut(self, moment, rng, folder):
        """Fills a folder that is not there yet with what is left after a cut behind `moment` calls."""
        # Files of before get numbers when they are first opened; until then they stand for themselves.
        files = {}
        names = Names({name: name if content is not None else None for name, content in self._before.items()})
        contents = {name: Content(content) for name, content in self._before.items() if content is not None}
        for call in self.calls[:moment]:
            self._play(call, contents, files, names)
        self._write(names.after_cut(rng), contents, files, rng, pathlib.Path(folder))

    @staticmethod
    def _play(call, contents, files, names):
        if call.kind == "o":
            if call.offset == 1:
                files[call.file] = Content()
                names.do(call)
            elif call.file not in files:
                files[call.file] = contents[names.now[call.name]]
        elif call.kind in "wt":
            files[call.file].since.append(call)
        elif call.kind == "s":
            files[call.file].sync()
        elif call.kind == "d":
            names.sync(call.name)
        else:
            names.do(call)

    @staticmethod
    def _write(names, contents, files, rng, folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        left = {}
        for name, number in sorted(names.items()):
            path = folder / name
            if Names.is_folder(number):
                path.mkdir(parents=True, exist_ok=True)
                continue
            if name.endswith(MEMORY_ONLY):
                continue
            content = files[number] if number in files else contents[number]
            if id(content) not in left:
                left[id(content)] = content.after_cut(rng)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(left[id(content)])
