#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace syncline::cli {

enum class Style { kPlain, kBold, kDim, kGood, kWarn, kBad };

// One output stream for people: colour only on a terminal and without NO_COLOR (no-color.org). What
// is shown comes from databases, so control characters are made visible instead of being sent.
// Borrows the stream.
class Terminal {
 public:
  explicit Terminal(std::FILE* stream);
  Terminal(std::FILE* stream, bool colour) : stream_(stream), colour_(colour) {}

  bool colour() const { return colour_; }
  std::string Paint(Style style, std::string_view text) const;
  void Line(std::string_view text = {});
  // For a reader of a pipe, who would otherwise wait until a buffer is full.
  void Flush();

 private:
  std::FILE* stream_;
  bool colour_;
};

// Rows in columns, as wide as their widest cell; numbers to the right.
class TextTable {
 public:
  struct Header {
    std::string title;
    bool right = false;
  };
  explicit TextTable(std::vector<Header> headers) : headers_(std::move(headers)) {}

  // As many cells as headers.
  void Add(std::vector<std::string> cells, Style style = Style::kPlain);
  void Print(Terminal& terminal) const;

 private:
  struct Line {
    std::vector<std::string> cells;
    Style style;
  };
  std::vector<Header> headers_;
  std::vector<Line> lines_;
};

// "1,234,567".
std::string FormatCount(uint64_t count);
// "1.5 MiB".
std::string FormatBytes(uint64_t bytes);
// Control characters as \n, \x1b ...; everything else as it is.
std::string Printable(std::string_view text);
// Code points, which is what a monospaced terminal shows of most scripts.
size_t DisplayWidth(std::string_view text);

}  // namespace syncline::cli
