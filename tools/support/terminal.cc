#include "tools/support/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "engine/base/check.h"

namespace syncline::cli {
namespace {

bool WantsColour(std::FILE* stream) {
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  if (term != nullptr && std::string_view(term) == "dumb") return false;
  return isatty(fileno(stream)) == 1;
}

std::string_view EscapeFor(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kGood:
      return "\x1b[32m";
    case Style::kWarn:
      return "\x1b[33m";
    case Style::kBad:
      return "\x1b[31m";
  }
  return "";
}

}  // namespace

Terminal::Terminal(std::FILE* stream) : Terminal(stream, WantsColour(stream)) {}

StyledText& StyledText::operator+=(const StyledText& more) {
  parts_.insert(parts_.end(), more.parts_.begin(), more.parts_.end());
  return *this;
}

std::string StyledText::Shown(bool colour) const {
  std::string shown;
  for (const Part& part : parts_) {
    const bool painted = colour && part.style != Style::kPlain;
    if (painted) shown += EscapeFor(part.style);
    shown += Printable(part.text);
    if (painted) shown += "\x1b[0m";
  }
  return shown;
}

void Terminal::Line(const StyledText& text) {
  const std::string shown = text.Shown(colour_);
  std::fwrite(shown.data(), 1, shown.size(), stream_);
  std::fputc('\n', stream_);
}

void Terminal::Lines(const StyledText& head, std::string_view message) {
  size_t end = message.find("\n  ");
  Line(head + message.substr(0, end));
  while (end != message.npos) {
    message.remove_prefix(end + 1);
    end = message.find("\n  ");
    Line(message.substr(0, end));
  }
}

void Terminal::Flush() { std::fflush(stream_); }

void TextTable::Add(std::vector<std::string> cells, Style style) {
  SYNCLINE_CHECK_EQ(cells.size(), headers_.size());
  for (std::string& cell : cells) cell = Printable(cell);
  lines_.push_back({std::move(cells), style});
}

void TextTable::Print(Terminal& terminal) const {
  std::vector<size_t> widths;
  for (const Header& header : headers_) widths.push_back(DisplayWidth(header.title));
  for (const Line& line : lines_) {
    for (size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(line.cells[i]));
    }
  }
  auto pad = [&](size_t column, const std::string& cell) {
    std::string blanks(widths[column] - DisplayWidth(cell), ' ');
    return headers_[column].right ? blanks + cell : cell + blanks;
  };
  auto print = [&](auto cell_of, Style style) {
    std::string text;
    for (size_t i = 0; i < headers_.size(); ++i) text += (i > 0 ? "  " : "") + pad(i, cell_of(i));
    text.erase(text.find_last_not_of(' ') + 1);
    terminal.Line({text, style});
  };
  print([&](size_t i) { return headers_[i].title; }, Style::kBold);
  for (const Line& line : lines_) print([&](size_t i) { return line.cells[i]; }, line.style);
}

std::string FormatCount(uint64_t count) {
  std::string digits = std::to_string(count);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string FormatBytes(uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double amount = static_cast<double>(bytes);
  size_t unit = 0;
  for (amount /= 1024; amount >= 1024 && unit + 1 < std::size(kUnits); amount /= 1024) ++unit;
  return fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace syncline::cli
