// Any text as how far capture has read a source: it comes out of a log's frames.
#include <string>

#include "capture/cursor/capture_cursor.h"
#include "capture/cursor/guarantee.h"
#include "capture/cursor/stored_cursor.h"
#include "tests/fuzz/fuzz_target.h"

namespace syncline::fuzz {
namespace {

using capture::CaptureCursor;

void Use(const CaptureCursor& cursor) {
  const std::string text = cursor.ToString();
  SYNCLINE_CHECK(CaptureCursor::Parse(text) == cursor);
  SYNCLINE_CHECK(!capture::DescribeCursor(text).empty() || cursor.tables.empty());
  for (const auto& [name, table] : cursor.tables) {
    if (table.after) UseRow(*table.after);
    if (table.reconciled && table.reconciled->after) UseRow(*table.reconciled->after);
  }
}

Row Key(int64_t id) {
  Row key;
  key.Append(ValueView::Int(id));
  key.Append(ValueView::Text("a\"b"));
  return key;
}

}  // namespace

std::vector<Seed> Seeds() {
  CaptureCursor cursor;
  std::vector<Seed> seeds = {{"empty", ""}, {"none", cursor.ToString()}};
  CaptureCursor::Table& loading = cursor.tables[{"public", "loading"}];
  loading.definition = "id|updated_at";
  loading.after = Key(7);
  CaptureCursor::Table& loaded = cursor.tables[{"", "loaded"}];
  loaded.loaded = true;
  loaded.definition = "id";
  loaded.guarantee = {capture::GuaranteeClass::kBounded, "set by programs", "a trigger"};
  loaded.seen = Value(ValueView::Int(9));
  loaded.reconciled = {.begun_us = 5, .under_way = true, .after = Key(8)};
  seeds.push_back({"tables", cursor.ToString()});
  cursor.ticks.last = 2;
  cursor.ticks.server_started_us = 1'000;
  cursor.ticks.ticks[1].clock_us = 10;
  cursor.ticks.ticks[2] = {.clock_us = 20, .marks = {{"public.loading", 3}}};
  cursor.ticks.running["1:2"] = 1;
  seeds.push_back({"ticks", cursor.ToString()});
  seeds.push_back({"numbers",
                   R"({"format":1,"tables":[],"ticks":{"last":1e300,"server_started":-1,)"
                   R"("ticks":[{"number":-1,"clock":1.5}],"running":{}}})"});
  return seeds;
}

}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace syncline::fuzz;
  const std::string text(reinterpret_cast<const char*>(data), size);
  syncline::capture::DescribeCursor(text);
  syncline::capture::Guarantees(text);
  const auto cursor = Decoded([&] { return syncline::capture::CaptureCursor::Parse(text); });
  if (cursor) Use(*cursor);
  return 0;
}
