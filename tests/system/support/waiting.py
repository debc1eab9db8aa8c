"""Waiting for something that another process does."""

import time


def eventually(condition, what, timeout=60, interval=0.01):
    """Returns the first true value of `condition`, which is asked again and again; fails after `timeout` seconds, with `what`: a text, or
    what makes one then."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain for {what() if callable(what) else what}")
        time.sleep(interval)
