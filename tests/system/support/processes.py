"""What every child process of a test is started with."""

import ctypes
import signal

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def die_with_parent():
    """For preexec_fn: the child is killed when the *thread* that starts it ends, so start children on the main thread."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
