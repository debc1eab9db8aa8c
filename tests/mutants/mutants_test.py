#!/usr/bin/env python3
"""The catalogue of tests/mutate makes the mistakes that it is there for, and makes them in code only; its tables are true."""

import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from mutants import catalogue, near_tests, results_table  # noqa: E402

ROOT = results_table.ROOT

SOURCE = r'''#include <map>
// if (a < b) x = 1;
bool Guard(const std::map<int, int>& seen, int at) {
  if (at < 0 || seen.contains(at)) throw DamageError("at < 0 && " + Name());
  const bool fits = at + 1 <= kMax && !seen.empty() &&
                    IsRight(at);
  Sync();
  index_->last = at;
  logger_->info("at={}", at);
  SYNCLINE_CHECK(fits);
  return fits == true;
}
'''


class MutantsTest(unittest.TestCase):
    def lines(self):
        made = catalogue.mutants_of("guard.cc", SOURCE)
        return {(one.line, one.apply(SOURCE).split("\n")[one.line - 1].strip()) for one in made}

    def test_each_kind_of_mistake_is_made(self):
        lines = self.lines()
        for line, text in (
            (4, 'if (at <= 0 || seen.contains(at)) throw DamageError("at < 0 && " + Name());'),
            (4, 'if (at > 0 || seen.contains(at)) throw DamageError("at < 0 && " + Name());'),
            (4, 'if (false || seen.contains(at)) throw DamageError("at < 0 && " + Name());'),
            (4, 'if (at < 0 || false) throw DamageError("at < 0 && " + Name());'),
            (4, 'if (!(at < 0 || seen.contains(at))) throw DamageError("at < 0 && " + Name());'),
            (4, 'if (true) throw DamageError("at < 0 && " + Name());'),
            (4, "if (at < 0 || seen.contains(at)) ;"),
            (5, "const bool fits = at - 1 <= kMax && !seen.empty() &&"),
            (5, "const bool fits = at + 1 < kMax && !seen.empty() &&"),
            (5, "const bool fits = at + 1 <= kMax && seen.empty() &&"),
            (5, "const bool fits = true && !seen.empty() &&"),
            (6, "true;"),
            (7, ";"),
            (8, ";"),
            (11, "return fits != true;"),
            (11, "return fits == false;"),
        ):
            self.assertIn((line, text), lines)

    def test_only_code_is_changed(self):
        self.assertEqual({line for line, _ in self.lines()}, {4, 5, 6, 7, 8, 11})
        self.assertEqual(len(catalogue.blotted(SOURCE)), len(SOURCE))
        self.assertNotIn(" && ", catalogue.blotted('x("a && b", R"q(c && d)q");'))

    def test_a_function_ends_where_its_bracket_stands_in_column_0(self):
        self.assertEqual(catalogue.function_around(SOURCE, SOURCE.index("Sync")), (1, 12))
        two = SOURCE + "\nint Two() {\n  return 2;\n}\n"
        self.assertEqual(catalogue.function_around(two, two.index("return 2")), (13, 16))


class NearTest(unittest.TestCase):
    def test_every_folder_has_programs_and_scripts_that_there_are(self):
        made = "".join(file.read_text() for file in (ROOT / "tests").rglob("CMakeLists.txt"))
        for folder in near_tests.NEAR:
            self.assertTrue((ROOT / folder).is_dir())
            for program in near_tests.NEAR[folder] + near_tests.WIDE[folder]:
                self.assertRegex(made, rf"syncline_test\({program}\b")
            for script in near_tests.KNOWS[folder]:
                self.assertIn(script, near_tests.SYSTEM)

    def test_the_cases_of_scripts_are_theirs(self):
        for script, cases in near_tests.SYSTEM.items():
            text = (ROOT / f"tests/system/{script}.py").read_text()
            for case in cases:
                self.assertIn(f"def {case}(", text, script)

    def test_the_files_of_the_runner_are_there(self):
        for pattern in near_tests.RUNNER:
            self.assertTrue(list(ROOT.glob(pattern)), pattern)


class ResultsTest(unittest.TestCase):
    """Fails when a row is not found again in a source that has grown, or what people wrote in one is lost."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        kept = results_table.RESULTS
        self.addCleanup(setattr, results_table, "RESULTS", kept)
        results_table.RESULTS = pathlib.Path(self.folder.name) / "RESULTS.md"
        results_table.RESULTS.write_text(f"before\n{results_table.BEGIN}\n{results_table.END}\nafter\n")

    @staticmethod
    def mutant(source, line, kind):
        return next(one for one in catalogue.mutants_of("engine/base/guard.cc", source) if (one.line, one.kind) == (line, kind))

    def test_rows_add_up(self):
        guard, sync = self.mutant(SOURCE, 4, "boundary"), self.mutant(SOURCE, 7, "without the statement")
        results = results_table.Results()
        results.runs.append("`tests/mutate --sample 3 --seed 4 --workers 2 --system`, 30 November 2026, the tree of 1234567 and more")
        results.add(guard, SOURCE, "survived", "nobody asked")
        results.add(sync, SOURCE, "killed", "base_test: GuardTest.Syncs")
        results.write()

        grown = "\n\n" + SOURCE
        moved = self.mutant(grown, 6, "boundary")
        results = results_table.Results()
        self.assertEqual(results.runs, ["`tests/mutate --sample 3 --seed 4 --workers 2 --system`, 30 November 2026, the tree of 1234567 and more"])
        self.assertTrue(results.knows(sync, SOURCE))
        every = catalogue.mutants_of("engine/base/guard.cc", grown)
        self.assertEqual(results.survivors(every, {"engine/base/guard.cc": grown}), [moved])
        results.add(moved, grown, "survived", "not looked into")
        self.assertEqual(results.row_of(moved, grown).why, "nobody asked")
        results.add(moved, grown, "killed", "base_test: GuardTest.Guards")
        results.write()

        text = results_table.RESULTS.read_text()
        self.assertTrue(text.startswith("before\n") and text.endswith("after\n"))
        self.assertIn("noticed 1 at first (50 %), and notice 2", " ".join(text.split()))
        self.assertRegex(text, re.escape("| killed since | survived at first; base_test: GuardTest.Guards notices it since |"))


if __name__ == "__main__":
    unittest.main()
