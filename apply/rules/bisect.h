#pragma once

#include <cstddef>
#include <functional>
#include <optional>

namespace syncline::apply {

// What came of writing a run of rows on top of all that were accepted before.
struct Trial {
  bool accepted = false;  // the rows are written now; otherwise nothing of them is
  // Index of a row that the database named. Only a hint for where to look first.
  std::optional<size_t> suspect = {};
};

// Finds, in order, the rows that a database refuses, and gets all others written: calls `try_rows`
// with runs [begin, end) whose accepted ones cover every row but the refused, each once and
// ascending; and `refuse` for each refused row, right after it was tried alone.
//
// Binary search for the first refused row of a run that was not accepted (as in adaptive group
// testing), then a next run about twice as long as the last good one, so that runs fit themselves
// to how close refused rows stand: at most 2 * (ceil(log2(size)) + 2) tries for each refused row
// and one more, three where hints are right; all tries together take in about three times `size`
// rows. What either throws passes. Pure.
void FindRefused(size_t size, const std::function<Trial(size_t begin, size_t end)>& try_rows,
                 const std::function<void(size_t row)>& refuse);

}  // namespace syncline::apply
