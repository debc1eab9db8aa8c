"""One call of the program fails, the n-th of its kind, as tests/support/fail_call.cc has it."""

import os

from support.syncline import REPOSITORY

LIBRARY = os.environ.get("SYNCLINE_FAIL_LIBRARY") or str(
    REPOSITORY / "build/tests/support/libsyncline_fail_call.so"
)
# Calls on files, and those on connections.
FILES = ("open", "write", "sync", "rename", "mmap", "thread", "memory")
CONNECTIONS = ("connect", "send", "recv")


def with_failing(kind, number, note):
    """The environment in which that call fails; 0: none does. `note` says afterwards how many there were."""
    return {
        "LD_PRELOAD": LIBRARY,
        "SYNCLINE_FAIL_KIND": kind,
        "SYNCLINE_FAIL_AT": str(number),
        "SYNCLINE_FAIL_NOTE": str(note),
    }


def numbers(count, most, rng):
    """Which of `count` calls are to fail: all, or some of them."""
    return range(1, count + 1) if count <= most else sorted(rng.sample(range(1, count + 1), most))
