"""A TCP proxy in front of a server that holds connections open and says nothing, one way or both, or is slow."""

import pathlib
import socket
import threading
import time

BLOCK = 16384
LOOK_EVERY = 0.005


class StallingProxy:
    """Listens on a port of 127.0.0.1 from the beginning on; `close` (or the end of a with block) ends it.

    What comes is passed on as long as nothing is held. `hold` names the ways on which everything stays in the proxy
    from now on: "up", to the server, "down", from it. Nothing is lost: `release` lets it go on. With `after` a way is
    held once so many more bytes have gone through it. `delay` is for each block, in seconds.
    """

    def __init__(self, socket_file):
        self._server = str(socket_file)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.delay = 0.0
        self.taken = 0  # connections so far
        self._lock = threading.Lock()
        self._allowed = {"up": None, "down": None}  # bytes; None: any number
        self._pairs = []
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def hold(self, *ways, after=0):
        with self._lock:
            for way in ways or ("up", "down"):
                self._allowed[way] = after

    def release(self):
        with self._lock:
            self._allowed = {"up": None, "down": None}

    def is_holding(self, way):
        """Whether that way has come to its end."""
        return self._allowed[way] == 0

    def cut(self):
        """Ends all connections that are open."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                _shut(end)

    def close(self):
        self._closed = True
        _shut(self._listener)
        self._listener.close()
        self.cut()

    def _accept(self):
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._server)
            except OSError:
                client.close()
                continue
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.taken += 1
                self._pairs.append((client, server))
            for source, sink, way in ((client, server, "up"), (server, client, "down")):
                threading.Thread(target=self._pump, args=(source, sink, way), daemon=True).start()

    def _pump(self, source, sink, way):
        try:
            while block := source.recv(BLOCK):
                if self.delay:
                    time.sleep(self.delay)
                while block:
                    may_pass = self._take(way, len(block))
                    sink.sendall(block[:may_pass])
                    block = block[may_pass:]
                    if block:
                        time.sleep(LOOK_EVERY)
                        if self._closed:
                            return
        except OSError:
            pass
        for end in (source, sink):
            _shut(end)

    def _take(self, way, size):
        with self._lock:
            allowed = self._allowed[way]
            if allowed is None:
                return size
            taken = min(size, allowed)
            self._allowed[way] = allowed - taken
            return taken


def _shut(end):
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
