// Any bytes as a cron.
#include <chrono>
#include <string_view>

#include "engine/base/timetable.h"
#include "tests/fuzz/fuzz_target.h"

namespace syncline::fuzz {
namespace {

using namespace std::chrono;

// Around a change of the clock, where a timetable has most to do.
constexpr WallTime kBegin = sys_days(2026y / 10 / 24);

void Use(const Cron& cron) {
  SYNCLINE_CHECK(Cron::Parse(cron.text()) == cron);
  WallClock from = local_days(2026y / 10 / 24);
  for (int i = 0; i < 10; ++i) {
    const auto next = cron.Next(from, WallClock::max());
    SYNCLINE_CHECK(next.has_value() && *next >= from && cron.Matches(*next));
    from = *next + seconds(1);
  }
  for (const char* zone : {"UTC", "Europe/Berlin"}) {
    const Timetable timetable = Timetable::At(cron, zone);
    WallTime after = kBegin;
    for (int i = 0; i < 10; ++i) {
      const auto next = timetable.Next(after);
      SYNCLINE_CHECK(next.has_value() && *next > after);
      after = *next;
    }
    const auto due = timetable.DueBy(after, kBegin);
    SYNCLINE_CHECK(due.has_value() && due->times == 10 && due->last == after);
  }
}

}  // namespace

std::vector<Seed> Seeds() {
  std::vector<Seed> seeds;
  for (const char* text :
       {"0 */30 * * * *", "*/5 9-17/2 ? JAN-MAR,12 MON", "0 0 31 2 *", "1,2,3-59/7 * * 29 2 7",
        "@hourly", "@yearly", "30 2 * * 5-7", "0 0 29 FEB MON", "59 59 23 31 12 6"}) {
    seeds.push_back({"cron_" + std::to_string(seeds.size()), text});
  }
  return seeds;
}

}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace syncline::fuzz;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto cron = Decoded([&] { return syncline::Cron::Parse(text); })) Use(*cron);
  return 0;
}
