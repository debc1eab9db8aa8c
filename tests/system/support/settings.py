"""How much a test does: the short form of every build, or the full one. Both print their seed and take one.

SYNCLINE_TEST_SCALE=full   the numbers that are promised
SYNCLINE_TEST_SEED=N       the run with that seed again
"""

import os
import random

FULL = os.environ.get("SYNCLINE_TEST_SCALE", "") == "full"
SEED = int(os.environ.get("SYNCLINE_TEST_SEED") or random.SystemRandom().randrange(1 << 31))


def scaled(short, full):
    return full if FULL else short


def announce(what):
    print(f"{what}: seed {SEED}, {'full' if FULL else 'short'} form", flush=True)
