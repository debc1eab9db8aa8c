#include "apply/rules/bisect.h"

#include <algorithm>

namespace syncline::apply {
namespace {

constexpr size_t kRunMin = 16;

}  // namespace

void FindRefused(size_t size, const std::function<Trial(size_t begin, size_t end)>& try_rows,
                 const std::function<void(size_t row)>& refuse) {
  size_t begin = 0;
  size_t run = size;
  while (begin < size) {
    size_t end = begin + std::min(run, size - begin);
    Trial trial = try_rows(begin, end);
    if (trial.accepted) {
      run = 2 * (end - begin);
      begin = end;
      continue;
    }
    // Some row of [low, end) is refused on top of what is written; `tried` when exactly this run
    // was the last one that was tried.
    size_t low = begin;
    bool tried = true;
    size_t suspect = trial.suspect.value_or(size);
    while (end - low > 1) {
      size_t middle = low + (end - low) / 2;
      if (suspect >= low && suspect < end) middle = std::max(suspect, low + 1);
      trial = try_rows(low, middle);
      tried = !trial.accepted;
      if (trial.accepted) {
        low = middle;
      } else {
        end = middle;
        suspect = trial.suspect.value_or(size);
      }
    }
    if (tried || !try_rows(low, end).accepted) refuse(low);
    run = std::max(kRunMin, 2 * (low - begin));
    begin = low + 1;
  }
}

}  // namespace syncline::apply
