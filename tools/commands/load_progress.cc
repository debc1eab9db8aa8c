#include "tools/commands/load_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "tools/support/duration.h"
#include "tools/support/terminal.h"

namespace syncline::cli {
namespace {

constexpr Microseconds kEvery = std::chrono::milliseconds(500);
constexpr size_t kBarWidth = 24;

}  // namespace

std::string DescribeLoad(uint64_t rows, uint64_t of, Microseconds elapsed) {
  const double seconds = std::max(1e-6, static_cast<double>(elapsed.count()) / 1e6);
  const double rate = static_cast<double>(rows) / seconds;
  std::string text = FormatCount(rows);
  if (of > 0) text += " of about " + FormatCount(std::max(rows, of));
  text += fmt::format(" rows, {} a second", FormatCount(static_cast<uint64_t>(rate)));
  if (of > rows && rate >= 1) {
    const auto left =
        Microseconds(static_cast<int64_t>(static_cast<double>(of - rows) / rate * 1e6));
    text += ", " + FormatDuration(left) + " left";
  }
  return text;
}

std::string LoadBar(uint64_t rows, uint64_t of, Microseconds elapsed, size_t width) {
  if (of == 0) return DescribeLoad(rows, of, elapsed);
  const size_t full = width * std::min(rows, of) / of;
  return fmt::format("[{}{}] {}", std::string(full, '#'), std::string(width - full, '.'),
                     DescribeLoad(rows, of, elapsed));
}

void ShowLoads(StageWatch& watch, std::FILE* terminal, std::stop_token stop) {
  if (::isatty(::fileno(terminal)) == 0) return;
  SystemClock clock;
  const Microseconds start = clock.Monotonic();
  bool shown = false;
  while (clock.Sleep(kEvery, stop)) {
    uint64_t rows = 0, of = 0, running = 0;
    for (const auto& [source, capture] : watch.Look().captures) {
      if (capture.loads_running == 0) continue;
      running += capture.loads_running;
      rows += capture.rows_read;
      of += capture.rows_to_load;
    }
    if (shown) fmt::print(terminal, "\r\x1b[2K");
    shown = running > 0;
    if (shown) fmt::print(terminal, "{}", LoadBar(rows, of, clock.Monotonic() - start, kBarWidth));
    std::fflush(terminal);
  }
  if (shown) fmt::print(terminal, "\r\x1b[2K");
}

}  // namespace syncline::cli
