"""The table of mutants in tests/RESULTS.md, which grows with every run of tests/mutate --write.

A row is found again by its file and its change, and of several such by the nearest line. What
became of a mutant is `killed`, `survived`, `killed since` (by a test that was written for it) or
`equivalent`, which people write there, with the reason.
"""

import dataclasses
import os
import re
import textwrap

from mutants.build import ROOT

RESULTS = ROOT / "tests/RESULTS.md"
BEGIN, END = "<!-- tests/mutate --write: begin -->", "<!-- tests/mutate --write: end -->"
HEAD = ["| place | change | | noticed by, or why not |", "| --- | --- | --- | --- |"]
ORDER = ["survived", "equivalent", "killed since", "killed"]


def wrapped(text, further=""):
    return textwrap.fill(text, 100, subsequent_indent=further, break_on_hyphens=False, break_long_words=False)


@dataclasses.dataclass
class Row:
    path: str
    line: int
    change: str
    became: str
    why: str

    def text(self):
        return f"| {self.path}:{self.line} | {self.change} | {self.became} | {self.why} |"


def change_of(mutant, source):
    return mutant.change(source).replace("|", "\\|")


class Results:
    def __init__(self):
        text = RESULTS.read_text()
        self._before, inner = text.split(BEGIN)
        inner, self._after = inner.split(END)
        self.runs = [" ".join(run.split()) for run in re.findall(r"^- (.*?)(?=^- |\n\n)", inner, re.MULTILINE | re.DOTALL)]
        self.rows = [Row(path, int(line), change, became, why) for path, line, change, became, why in re.findall(
            r"^\| (\S+):(\d+) \| (.*?) \| (" + "|".join(ORDER) + r") \| (.*) \|$", inner, re.MULTILINE)]  # fmt: skip

    def row_of(self, mutant, source):
        rows = [row for row in self.rows if (row.path, row.change) == (mutant.path, change_of(mutant, source))]
        return min(rows, key=lambda row: abs(row.line - mutant.line), default=None)

    def knows(self, mutant, source):
        row = self.row_of(mutant, source)
        return row is not None and row.line == mutant.line

    def survivors(self, every, texts):
        """Those of all mutants whose rows say that they have survived."""
        nearest = {}
        for mutant in every:
            row = self.row_of(mutant, texts[mutant.path])
            if row is not None and row.became == "survived":
                known = nearest.setdefault(id(row), mutant)
                if abs(row.line - mutant.line) < abs(row.line - known.line):
                    nearest[id(row)] = mutant
        return list(nearest.values())

    def add(self, mutant, source, became, why):
        """A row, or what has become of one that had survived."""
        row = self.row_of(mutant, source)
        if row is None or row.became != "survived":
            self.rows = [one for one in self.rows if one is not row or row.line != mutant.line]
            self.rows.append(Row(mutant.path, mutant.line, change_of(mutant, source), became, why))
            return
        row.line = mutant.line
        if became == "killed":
            row.became, row.why = "killed since", f"survived at first; {why} notices it since"

    def rates(self):
        count = {became: sum(1 for row in self.rows if row.became == became) for became in ORDER}
        judged = len(self.rows) - count["equivalent"]
        at_first, now = count["killed"], count["killed"] + count["killed since"]
        return (f"Of {len(self.rows)} mutants that compile {count['equivalent']} are equivalent. Of the other {judged} the tests "
                f"noticed {at_first} at first ({100 * at_first / max(1, judged):.0f} %), and notice {now} with those that were "
                f"written for the survivors ({100 * now / max(1, judged):.0f} %).")  # fmt: skip

    def write(self):
        self.rows.sort(key=lambda row: (ORDER.index(row.became), row.path, row.line))
        inner = [BEGIN, wrapped(self.rates()), "", *(wrapped(f"- {run}", "  ") for run in self.runs), "", *HEAD, *(row.text() for row in self.rows), END]
        new = RESULTS.with_suffix(".new")
        new.write_text(self._before + "\n".join(inner) + self._after)
        os.replace(new, RESULTS)
