"""The program under test: its configuration, its runs, its processes."""

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from support.processes import die_with_parent
from support.waiting import eventually

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("SYNCLINE_BINARY") or str(REPOSITORY / "build/syncline")


@dataclasses.dataclass
class Result:
    """A run that has ended, with what it cost."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    def json(self):
        return json.loads(self.stdout)

    def json_lines(self):
        return [json.loads(line) for line in self.stdout.splitlines()]


def _text_of(file):
    """All of a file that another process may be writing to."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode("utf-8", "replace")


class Process:
    """A run that has not ended. Its output goes to files, because a pipe that nobody reads would stop it.

    At the end of a with block it is killed if it still runs, and after an error in the block shows what it told.
    """

    def __init__(self, command, cwd, env, user=None):
        self._command = [str(part) for part in command]
        self._out, self._err = (tempfile.TemporaryFile("w+", encoding="utf-8") for _ in range(2))
        self._started = time.monotonic()
        as_user = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
        self._popen = subprocess.Popen(
            self._command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._err,
            preexec_fn=die_with_parent, **as_user,
        )  # fmt: skip
        self._result = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.is_running():
            self._popen.kill()
        self.result()
        if kind is not None:
            print(f"{self} had told:\n{self.output()[-4000:]}", flush=True)

    @property
    def pid(self):
        return self._popen.pid

    def is_running(self):
        if self._result is None and os.waitid(
            os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT
        ):
            self.result()
        return self._result is None

    def output(self):
        """Everything so far, stdout before stderr."""
        if self._result is not None:
            return self._result.stdout + self._result.stderr
        return "".join(map(_text_of, (self._out, self._err)))

    def kill(self):
        """kill -9. Fails if the process had ended by itself: such a kill would have tested nothing."""
        if not self.is_running():
            raise AssertionError(f"{self} had ended with {self._result.code}:\n{self.output()}")
        self._popen.kill()
        self.result()

    def terminate(self, expect=0, timeout=60):
        """SIGTERM, which lets it finish the batch at hand."""
        if self.is_running():
            self._popen.send_signal(signal.SIGTERM)
        return self.wait(expect, timeout)

    def wait(self, expect=0, timeout=600):
        """The result; fails on another exit code than `expect` (None: any)."""
        try:
            eventually(lambda: not self.is_running(), f"{self} to end", timeout)
        except AssertionError as error:
            self._popen.kill()
            raise AssertionError(f"{error}\n{self.output()[-4000:]}") from None
        if expect is not None and self._result.code != expect:
            raise AssertionError(
                f"{self} ended with {self._result.code}, not {expect}:\n{self.output()[-6000:]}"
            )
        return self._result

    def result(self):
        """Waits for the end, however long it takes."""
        if self._result is None:
            # wait4 tells the cost of this child alone, not that of all children so far.
            _, status, usage = os.wait4(self._popen.pid, 0)
            self._popen.returncode = os.waitstatus_to_exitcode(status)
            self._result = Result(
                self._popen.returncode, _text_of(self._out), _text_of(self._err), time.monotonic() - self._started,
                usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024,
            )  # fmt: skip
            self._out.close()
            self._err.close()
        return self._result

    def __str__(self):
        return "`syncline " + " ".join(self._command[1:]) + "`"


class Syncline:
    """A folder with a configuration, in which the program is run."""

    def __init__(self, folder, configuration=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        if configuration is not None:
            self.configure(configuration)

    def configure(self, configuration):
        """Takes YAML, or data: every JSON document is YAML."""
        if not isinstance(configuration, str):
            configuration = json.dumps(configuration, indent=2)
        (self.folder / "syncline.yaml").write_text(configuration, encoding="utf-8")

    def start(self, *arguments, env=None, user=None, binary=BINARY):
        return Process(
            [binary, *arguments], self.folder, {**os.environ, "NO_COLOR": "1", **(env or {})}, user
        )

    def run(self, *arguments, expect=0, timeout=600, **options):
        return self.start(*arguments, **options).wait(expect, timeout)


class SystemTest(unittest.TestCase):
    """A test with a temporary folder of its own; kept, and named, when the test fails."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="syncline-test-", dir="/tmp"))
        self.addCleanup(self._clean_up)

    def _clean_up(self):
        outcome = self._outcome.result
        failed = any(
            getattr(test, "test_case", test) is self for test, _ in outcome.errors + outcome.failures
        )
        if failed:
            print(f"{self.id()} failed; its files are in {self.folder}", flush=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
