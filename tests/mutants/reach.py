"""What each test reaches and how long it takes, learnt from one run of it without any mutant."""

import concurrent.futures
import hashlib
import json
import re
import subprocess

from mutants.build import BUILD, ROOT, run

FLAGS = ["-O1", "-g1", "-fsanitize-coverage=trace-pc"]
KNOWN = BUILD / "reach"


class Reach:
    """By test: its seconds, and the lines of sources that run in it; whether it needs a process of its own. Kept in build-mutants/reach while a program is the same."""

    def __init__(self, build, tests, paths, workers):
        self.of = {}  # {program or script: {case: (seconds, {path: set of lines}, alone)}}
        self._build, self._tests = build, tests
        KNOWN.mkdir(exist_ok=True)
        objects = self._objects(paths, workers)
        programs, scripts = tests.needed(paths)
        jobs = [(self._learn_program, name, objects) for name in programs]
        if scripts:
            binary = KNOWN / "syncline"
            if not build.link("syncline", {**objects, **build.reach_objects(False)}, binary):
                raise SystemExit("the program cannot be linked with what tells what it reaches")
            jobs += [(self._learn_script, name, binary) for name in scripts]
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(*job) for job in jobs]:
                done.result()

    def _objects(self, paths, workers):
        def compiled(path):
            output = KNOWN / (path.replace("/", "+")[: -len(".cc")] + ".o")
            if not self._build.compile(path, (ROOT / path).read_text(), output, FLAGS, cached=True):
                raise SystemExit(f"{path} cannot be compiled with {' '.join(FLAGS)}")
            return output

        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            return dict(zip(paths, pool.map(compiled, paths)))

    def _learn_program(self, name, objects):
        program = KNOWN / name
        if not self._build.link(name, {**objects, **self._build.reach_objects(True)}, program):
            raise SystemExit(f"{name} cannot be linked with what tells what it reaches")
        self._learn(name, program, lambda found: self._tests.reach_cases(name, program, found))

    def _learn_script(self, name, binary):
        self._learn(name, binary, lambda found: self._tests.reach_script(name, binary, found))

    def _learn(self, name, program, look):
        kept = KNOWN / f"{name}.json"
        digest = hashlib.sha1(program.read_bytes()).hexdigest()
        if kept.exists() and (known := json.loads(kept.read_text()))["digest"] == digest:
            cases = known["cases"]
        else:
            print(f"learning {name}", flush=True)
            found = {}  # {case: (seconds, places, alone)}
            look(found)
            lines = lines_of(program, set().union(*(places for _, places, _ in found.values())))
            cases = {}
            for case, (seconds, places, alone) in found.items():
                reached = {}
                for place in places:
                    for path, line in lines.get(place, ()):
                        reached.setdefault(path, set()).add(line)
                cases[case] = (seconds, {path: sorted(numbers) for path, numbers in reached.items()}, alone)
            kept.write_text(json.dumps({"digest": digest, "cases": cases}))
        self.of[name] = {case: (seconds, {path: set(numbers) for path, numbers in reached.items()}, alone)
                         for case, (seconds, reached, alone) in cases.items()}  # fmt: skip


def lines_of(program, places):
    """{place: [(path, line)]} of places of a program, with those that were inlined there."""
    ordered = sorted(places)
    # A place is where a call returns to; the call itself stands before it.
    asked = "\n".join(f"{place - 1:x}" for place in ordered)
    told = subprocess.run(["addr2line", "-e", program, "-a", "-i"], input=asked, capture_output=True, text=True, check=True).stdout
    lines, place = {}, None
    for line in told.splitlines():
        if re.fullmatch(r"0x[0-9a-f]+", line):
            place = int(line, 16) + 1
        elif found := re.match(r"(?:.*/)?reach/([^/:]+)\.cc:(\d+)", line):
            path = found[1].replace("+", "/") + ".cc"
            lines.setdefault(place, []).append((path, int(found[2])))
    return lines
