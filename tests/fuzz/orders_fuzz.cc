// Any line as an order at a log's socket, and as the answer to one.
#include <algorithm>
#include <string_view>

#include "tests/fuzz/fuzz_target.h"
#include "tools/control/log_order.h"

namespace syncline::fuzz {
namespace {

using cli::LogOrder;

// What was understood is ordered again, by lines that are not too long.
void CheckRows(const std::vector<capture::RowKeys>& rows) {
  constexpr size_t kLineBytesMax = 64u << 10;
  std::vector<std::string> before, after;
  const auto add = [](const std::vector<capture::RowKeys>& from, std::vector<std::string>& to) {
    for (const capture::RowKeys& table : from) {
      for (const Row& key : table.keys) {
        UseRow(key);
        to.push_back(table.table.schema + '\0' + table.table.name + '\0' + key.bytes());
      }
    }
  };
  add(rows, before);
  for (const Json& line : cli::RecaptureOrders(rows)) {
    const std::string text = cli::Dump(line);
    SYNCLINE_CHECK(text.size() <= kLineBytesMax);
    add(cli::ParseOrder(text).rows, after);
  }
  SYNCLINE_CHECK(before == after);
}

void Try(std::string_view line) {
  const auto order = Decoded([&] { return cli::ParseOrder(line); });
  if (order && order->kind == LogOrder::Kind::kBackup) {
    SYNCLINE_CHECK(order->into.is_absolute() && order->rows.empty());
  }
  if (order) CheckRows(order->rows);
  try {
    const Json done = cli::DoneIn(line);
    for (const char* name : {"next", "bytes", "linked_bytes"}) cli::NumberIn(done, name);
  } catch (const Error& error) {
    SYNCLINE_CHECK(!error.message().empty());
    SYNCLINE_CHECK(cli::ErrorAnswer(error).contains("error"));
  }
}

}  // namespace

std::vector<Seed> Seeds() {
  return {
      {"poll", R"({"do": "poll"})"},
      {"backup", R"({"do": "backup", "into": "/somewhere/else"})"},
      {"recapture",
       R"({"do": "recapture", "rows": [{"schema": "public", "table": "items", "keys": ["\\x0a021002", "\\x"]}]})"},
      {"done", R"({"done": {"next": 5, "bytes": 7, "linked_bytes": 1}})"},
      {"error", R"({"error": {"message": "m", "hint": "h", "code": "c", "exit_code": 3}})"},
      {"other_types",
       R"({"do": 1, "rows": {}, "into": [], "error": [], "done": 1, "exit_code": "4"})"},
  };
}

}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  syncline::fuzz::Try({reinterpret_cast<const char*>(data), size});
  return 0;
}
