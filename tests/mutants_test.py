#!/usr/bin/env python3
"""The catalogue of tests/mutate makes the mistakes that it is there for, and makes them in code only."""

import unittest

import mutants

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
        made = mutants.mutants_of("guard.cc", SOURCE)
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
        self.assertEqual(len(mutants.blotted(SOURCE)), len(SOURCE))
        self.assertNotIn(" && ", mutants.blotted('x("a && b", R"q(c && d)q");'))


if __name__ == "__main__":
    unittest.main()
