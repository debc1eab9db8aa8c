"""The build folder of tests/mutate: the right programs, and programs of which one object is another one.

A program is linked from its own command, with the objects that are given before the libraries: the
linker takes a source's object from there, and leaves the one of the library alone. So the right
programs stay as they are, and several wrong ones can be made at once.
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build-mutants"
# What programs of the tests call.
HELPERS = ["log_writer", "syncline_power_trace", "syncline_fail_call", "syncline_reach"]


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", **options)


class Build:
    def __init__(self, programs):
        mold = ["-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold"] if shutil.which("mold") else []
        self._must(["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_UNITY_BUILD=OFF",
                    "-DSYNCLINE_BUILD_TESTS=ON", *mold])  # fmt: skip
        self._must(["ninja", "-C", BUILD, *programs, "syncline", *HELPERS])
        self._compile, self._link = {}, {}
        for line in self._must(["ninja", "-C", BUILD, "-t", "commands", "all", "syncline_reach"]).splitlines():
            for command in line.split(" && "):
                if found := re.search(r" -o (\S+\.o) -c (\S+\.cc)$", command):
                    self._compile[pathlib.Path(found[2]).relative_to(ROOT).as_posix()] = (command, found[1])
                elif found := re.search(r"/c\+\+ .* -o (\S+) ", command):
                    self._link[pathlib.Path(found[1]).name] = (command, found[1])

    @staticmethod
    def _must(command):
        done = run(command)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        return done.stdout

    def program(self, name):
        """The right one."""
        return BUILD / self._link[name][1]

    def knows(self, path):
        return path in self._compile

    def compile(self, path, text, output, flags, cached=False):
        """False if the compiler does not take it."""
        draft = output.with_suffix(".cc")
        draft.write_text(text)
        words = shlex.split(self._compile[path][0])
        words = [word for word in words if not re.fullmatch(r"-O\d|-W\S+|-MD", word)]
        words[words.index("-o") + 1] = str(output)
        words[words.index("-c") + 1] = str(draft)
        for option in ("-MF", "-MT"):
            at = words.index(option)
            del words[at : at + 2]
        environment = os.environ if cached else {**os.environ, "CCACHE_DISABLE": "1"}
        return run([*words, *flags, "-w", "-I", (ROOT / path).parent], cwd=BUILD, env=environment).returncode == 0

    def link(self, name, objects, output):
        """`objects` are files by the sources that they stand for. False if the linker does not take them."""
        command, right = self._link[name]
        given = []
        for path, file in objects.items():
            own = self._compile[path][1] if path in self._compile else ""
            if own and f" {own} " in command:  # one of the program itself
                command = command.replace(f" {own} ", f" {file} ")
            elif not own or re.sub(r"CMakeFiles/([^/]+)\.dir/.*", r"lib\1.a", own) in command:
                given.append(str(file))
        words = shlex.split(command)
        at = words.index("-o")
        assert words[at + 1] == right
        words[at : at + 2] = [*given, "-o", str(output)]
        return run(words, cwd=BUILD).returncode == 0

    def reach_objects(self, with_cases):
        """What a program needs besides objects that were compiled to tell what they reach."""
        names = ["reach", *(["reach_cases"] if with_cases else [])]
        return {name: BUILD / self._compile[f"tests/support/{name}.cc"][1] for name in names}
