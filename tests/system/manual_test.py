"""The pages of the manual that are made from the program are what it says today.

Seen to fail on a changed sentence of `run --help`, and on a page whose made part was edited by hand.
"""

import os
import subprocess
import unittest

from support.syncline import BINARY, REPOSITORY


class ManualTest(unittest.TestCase):
    def test_the_made_parts_are_what_the_program_says(self):
        env = {**os.environ, "SYNCLINE_BINARY": BINARY}
        made = subprocess.run(
            [REPOSITORY / "tools/manual/make", "--check"], env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.assertEqual(made.returncode, 0, f"{made.stdout}{made.stderr}run tools/manual/make")


if __name__ == "__main__":
    unittest.main()
