"""Runs the tests that are closest to a mutant, up to the first that notices it."""

import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import time

from mutants import catalogue, near_tests
from mutants.build import BUILD, ROOT

# A test may take so many times what it takes without a mutant, and so many seconds more.
PATIENCE, PATIENCE_S = 5, 20
NAMED_S = 10  # what is supposed of tests that nobody has measured
MIB = 1 << 20
# A /tmp of its own, which is gone with the last process of the test, whatever that does.
ALONE = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
         'mount -t tmpfs -o size=4g,mode=1777 tmpfs /tmp && exec "$@"', "sh"]  # fmt: skip


def limited():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (6144 * MIB, 6144 * MIB))


def execute(command, limit, environment):
    """(exit code or None when it takes too long, what it says)"""
    alone = ALONE if os.geteuid() == 0 and shutil.which("unshare") else []
    child = subprocess.Popen([*alone, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             stdin=subprocess.DEVNULL, cwd=BUILD, text=True, errors="replace", start_new_session=True,
                             preexec_fn=limited, env={**os.environ, **environment})  # fmt: skip
    try:
        told, _ = child.communicate(timeout=limit)
        return child.returncode, told
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        told, _ = child.communicate()
        return None, told


def failed_case(told):
    """The test that has failed, or the one that was running at the end."""
    if found := re.search(r"\[  FAILED  \] ([^\s,]+)", told):
        return found[1]
    if found := re.search(r"^(?:FAIL|ERROR): (\w+)", told, re.MULTILINE):
        return found[1]
    began = re.findall(r"\[ RUN      \] (\S+)", told)
    return began[-1] if began else ""


class Chunk:
    """Cases of one program, or those of a script, with the seconds that they take."""

    def __init__(self, name, cases, seconds):
        self.name, self.cases, self.seconds = name, cases, seconds
        self.is_script = name in near_tests.SYSTEM

    def without(self, case):
        return Chunk(self.name, [one for one in self.cases if one != case], self.seconds)


class Tests:
    def __init__(self, system, effort, only=None):
        self._build, self._system, self._effort, self._only = None, system, effort, only
        self._own = {}

    def use(self, build):
        self._build = build

    def needed(self, paths):
        """Programs and scripts for mutants of these sources."""
        folders = [folder for folder in near_tests.NEAR if any(near_tests.folder_of(path) == folder for path in paths)]
        programs = [name for folder in folders for name in near_tests.NEAR[folder] + near_tests.WIDE[folder]]
        scripts = [name for folder in folders for name in near_tests.KNOWS[folder]] if self._system else []
        return list(dict.fromkeys(programs)), list(dict.fromkeys(scripts))

    # Runs without a mutant, for Reach.

    def reach_cases(self, name, program, found):
        """By case: seconds, places, and whether it needs a process of its own."""
        left = None  # all of them
        while left is None or left:
            code, told, cases = self._reach_some(name, program, left)
            found.update({case: (*what, False) for case, what in cases.items()})
            if code == 0:
                return
            listed = left or self._list(program)
            failed = set(re.findall(r"\[  FAILED  \] ([^\s,]+\.[^\s,]+)", told)) & set(listed) or {failed_case(told)}
            for case in failed:
                found.pop(case, None)
                code, told, cases = self._reach_some(name, program, [case])
                found.update({case: (*what, True) for case, what in cases.items() if code == 0})
                if code != 0:
                    print(f"{name}: {case} fails without any mutant, and is left out\n{told[-2000:]}", flush=True)
            left = [case for case in listed if case not in found and case not in failed]

    @staticmethod
    def _list(program, only="*"):
        code, told = execute([program, "--gtest_list_tests", f"--gtest_filter={only}"], 60, {})
        suite, cases = "", []
        for line in told.splitlines():
            word = line.split("#")[0].rstrip()
            if re.fullmatch(r"\S+\.", word):
                suite = word
            elif re.fullmatch(r"  \S+", word) and suite:
                cases.append(suite + word.strip())
        return cases

    @staticmethod
    def _reach_some(name, program, cases):
        file, map_file = BUILD / f"reach/{name}.cases", BUILD / f"reach/{name}.map"
        filtered = [] if cases is None else ["--gtest_filter=" + ":".join(cases)]
        file.unlink(missing_ok=True)
        code, told = execute([program, *filtered], 1800, {"SYNCLINE_REACH": str(map_file), "SYNCLINE_REACH_CASES": str(file)})
        map_file.unlink(missing_ok=True)
        found = {}
        for line in file.read_text().splitlines() if file.exists() else []:
            case, milliseconds, *places = line.split()
            found[case] = (int(milliseconds) / 1000, {int(place, 16) for place in places})
        return code, told, found

    def reach_script(self, name, binary, found):
        map_file = BUILD / f"reach/{name}.map"
        map_file.write_bytes(b"")
        map_file.chmod(0o666)
        began = time.monotonic()
        code, told = execute(self._script(name), 1800, self._environment(binary) | {"SYNCLINE_REACH": str(map_file)})
        if code == 0:
            places = {at for at, byte in enumerate(map_file.read_bytes()) if byte}
            found[""] = (time.monotonic() - began, places, False)
        else:
            print(f"{name} fails without any mutant, and is left out: {failed_case(told)}\n{told[-2000:]}", flush=True)
        map_file.unlink()

    @staticmethod
    def _script(name, cases=()):
        file = ROOT / f"tests/system/{name}.py"
        suite = re.search(r"^class (\w+)\(SystemTest\)", file.read_text(), re.MULTILINE)[1]
        return ["/usr/bin/python3", file, "-f", *(f"{suite}.{case}" for case in cases or near_tests.SYSTEM[name])]

    @staticmethod
    def _environment(binary):
        return {
            "SYNCLINE_BINARY": str(binary),
            "SYNCLINE_POWER_LIBRARY": str(BUILD / "tests/support/libsyncline_power_trace.so"),
            "SYNCLINE_FAIL_LIBRARY": str(BUILD / "tests/support/libsyncline_fail_call.so"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    # Runs with one.

    def _own_suites(self, path):
        """The suites of the test files that are named after the source."""
        if path not in self._own:
            suites = set()
            for file in (ROOT / "tests").rglob(f"*{pathlib.Path(path).stem}_test.cc"):
                suites |= set(re.findall(r"^TEST(?:_[FP])?\((\w+),", file.read_text(), re.MULTILINE))
            self._own[path] = suites
        return self._own[path]

    def _named(self, folder):
        """The cases that --only names: a script and its case, or a filter of gtest."""
        script, _, case = self._only.partition(":")
        if script in near_tests.SYSTEM:
            return [Chunk(script, [case], NAMED_S)]
        names = near_tests.NEAR[folder] + near_tests.WIDE[folder]
        listed = {name: self._list(self._build.program(name), self._only) for name in names}
        return [Chunk(name, cases, NAMED_S) for name, cases in listed.items() if cases]

    def chunks(self, mutant, source, reach):
        """What to run, closest first, and whether anything reaches the place."""
        folder = near_tests.folder_of(mutant.path)
        if self._only:
            return self._named(folder), True
        near, wide = near_tests.NEAR[folder], near_tests.WIDE[folder]
        first, last = catalogue.function_around(source, mutant.start)
        line_end = mutant.line + source.count("\n", mutant.start, mutant.end)
        at_place, in_function, own = {}, {}, {}
        for name in near + wide:
            for case, (seconds, reached, alone) in reach.of.get(name, {}).items():
                lines = reached.get(mutant.path, ())
                inside = [line for line in lines if first <= line <= last]
                if any(mutant.line - 3 <= line <= line_end + 1 for line in inside):
                    at_place.setdefault(name, []).append((case, seconds, alone, len(inside)))
                elif inside:
                    in_function.setdefault(name, []).append((case, seconds, alone, len(inside)))
                if self._own_suites(mutant.path) & set(case.split(".")[0].split("/")):
                    own.setdefault(name, []).append((case, seconds, alone, len(inside)))
        reached = at_place or in_function
        chunks = []
        for name in near + wide:  # those of its own test files come first
            chunks.append((name, [one for one in (reached or own).get(name, []) if one in own.get(name, [])]))
        for name in near + wide:
            chunks.append((name, [one for one in reached.get(name, []) if one not in own.get(name, [])]))
        made = []
        for name, cases in chunks:
            together = [one for one in cases if not one[2]]
            made += [Chunk(name, *self._within(part)) for part in (together, *([one] for one in cases if one[2])) if part]
        if self._system:
            for name in near_tests.KNOWS[folder]:
                for seconds, lines, _ in reach.of.get(name, {}).values():
                    if any(first <= line <= last for line in lines.get(mutant.path, ())):
                        made.append(Chunk(name, [], seconds))
        return self._affordable(made), bool(reached) or any(chunk.is_script for chunk in made)

    def _within(self, cases):
        """Those that can be run with half of the effort: first those that see most of the function, then the quick ones."""
        taken, seconds = [], 0.0
        for case, takes, _, seen in sorted(cases, key=lambda one: (-one[3], one[1])):
            if taken and seconds + takes > self._effort / 2:
                continue
            taken.append(case)
            seconds += takes
        return taken, seconds

    def _affordable(self, chunks):
        taken, seconds = [], 0.0
        for chunk in chunks:
            if seconds + chunk.seconds <= self._effort:
                taken.append(chunk)
                seconds += chunk.seconds
        return taken

    def run(self, chunk, program):
        """What fails, and whether it is only late; or nothing."""
        limit = PATIENCE * chunk.seconds + PATIENCE_S
        if chunk.is_script:
            command, environment = self._script(chunk.name, chunk.cases), self._environment(program)
        else:
            command = [program, "--gtest_fail_fast", "--gtest_filter=" + ":".join(chunk.cases)]
            environment = {"SYNCLINE_" + child.upper(): str(pathlib.Path(program).parent / f"{child}.program")
                           for child in near_tests.CHILDREN.get(chunk.name, [])}  # fmt: skip
            environment = {name: file for name, file in environment.items() if pathlib.Path(file).exists()}
        code, told = execute(command, limit, environment)
        if code == 0:
            return None
        case = failed_case(told)
        how = f" (no end within {limit:.0f} s)" if code is None else ""
        if code is not None and "[  FAILED  ]" not in told and not chunk.is_script:
            how = f" (ended by {code})"
        return case, how

    def judge(self, mutant, source, reach, folder):
        """(what became of it, who noticed or why not)"""
        folder.mkdir(exist_ok=True)
        mutated = folder / "mutant.o"
        if not self._build.compile(mutant.path, mutant.apply(source), mutated, ["-O0"]):
            return "is none", "the compiler"
        chunks, is_reached = self.chunks(mutant, source, reach)
        for old in folder.glob("*.program"):
            old.unlink()
        for chunk in chunks:
            name = "syncline" if chunk.is_script else chunk.name
            program = folder / f"{name}.program"
            for made in [name, *near_tests.CHILDREN.get(name, [])]:
                file = folder / f"{made}.program"
                if not file.exists() and not self._build.link(made, {mutant.path: mutated}, file):
                    return "is none", "the linker"
            while failed := self.run(chunk, program):
                case, how = failed
                if self._is_kill(chunk, case, how, program, name):
                    return "killed", f"{chunk.name}: {case}{how}"
                if chunk.is_script or case not in chunk.cases:
                    break
                chunk = chunk.without(case)
                if not chunk.cases:
                    break
        return "survived", "not looked into" if is_reached else "not looked into; no test reaches it"

    def _is_kill(self, chunk, case, how, program, name):
        """Not one that also fails without the mutant, or only now and then."""
        again = chunk if chunk.is_script or case not in chunk.cases else Chunk(chunk.name, [case], chunk.seconds)
        if self.run(again, self._build.program(name)):
            print(f"  {chunk.name}: {case} fails without the mutant, too", flush=True)
            return False
        return "no end" in how or self.run(again, program) is not None
