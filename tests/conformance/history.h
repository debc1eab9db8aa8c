#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/apply/test_log.h"

namespace syncline::test {

// A random history of many keys: stamps that stand still and go backwards, deletions, keys that
// come again.
class History {
 public:
  explicit History(uint32_t seed) : random_(seed) {}

  void Extend(TestLog& log, int changes) {
    log.Cut(
        [&](CutWriter& writer) {
          for (int i = 0; i < changes; ++i) Step(writer);
        },
        /*frame_bytes=*/Pick(1, 20'000));
  }
  std::vector<std::string> Expected() const {
    std::vector<std::string> rows;
    for (const auto& [id, name] : rows_) rows.push_back(std::to_string(id) + "|" + name);
    return rows;
  }
  int Pick(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }

 private:
  static constexpr int kKeys = 400;

  void Step(CutWriter& writer) {
    const int id = Pick(1, kKeys);
    const int64_t stamp = now_ + Pick(-20, 5);
    now_ += Pick(0, 1);
    if (rows_.contains(id) && Pick(0, 4) == 0) {
      rows_.erase(id);
      writer.AddDeletion(ItemsSchema(), MakeRow({ValueView::Int(id)}), Value(Stamp(stamp)));
      return;
    }
    const std::string name = "state " + std::to_string(++states_);
    rows_[id] = name;
    writer.Add(ItemsSchema(), Item(id, name, stamp));
  }

  std::mt19937 random_;
  std::map<int, std::string> rows_;
  int64_t now_ = 1'000;
  int states_ = 0;
};

}  // namespace syncline::test
