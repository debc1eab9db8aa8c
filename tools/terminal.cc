#include "tools/terminal.h"

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

std::string Terminal::Paint(Style style, std::string_view text) const {
  if (!colour_ || style == Style::kPlain) return std::string(text);
  return fmt::format("{}{}\x1b[0m", EscapeFor(style), text);
}

void Terminal::Line(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream_);
  std::fputc('\n', stream_);
}

void Terminal::Flush() { std::fflush(stream_); }

void TextTable::Add(std::vector<std::string> cells, Style style) {
  SYNCLINE_CHECK_EQ(cells.size(), headers_.size());
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
    terminal.Line(terminal.Paint(style, text));
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

std::string Printable(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace syncline::cli
