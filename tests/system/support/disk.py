"""A small disk of the test's own, to be filled. Needs root."""

import errno
import os
import subprocess

CHUNK_BYTES = 1 << 20


class SmallDisk:
    """A tmpfs, mounted on the folder."""

    def __init__(self, folder, size):
        self._filler = folder / "filler"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", folder], check=True)
        self.unmount = lambda: subprocess.run(["umount", "-l", folder], check=True)

    def fill(self):
        with open(self._filler, "wb") as file:
            size, step = 0, CHUNK_BYTES
            while step >= 4096:
                try:
                    os.posix_fallocate(file.fileno(), size, step)
                    size += step
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    step //= 2

    def free(self):
        self._filler.unlink()
