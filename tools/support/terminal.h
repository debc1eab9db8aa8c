#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/printable.h"

namespace syncline::cli {

enum class Style { kPlain, kBold, kDim, kGood, kWarn, kBad };

// One line for people, parts of it in a style. What it says comes from databases and files, so it
// is shown as Printable says: no part of it can begin a line, or reach the terminal as a command.
// Plain value type.
class StyledText {
 public:
  StyledText(std::string_view text = {}, Style style = Style::kPlain) : parts_{{style, text}} {}
  StyledText(const std::string& text, Style style = Style::kPlain)
      : StyledText(std::string_view(text), style) {}
  StyledText(const char* text, Style style = Style::kPlain)
      : StyledText(std::string_view(text), style) {}

  StyledText& operator+=(const StyledText& more);
  friend StyledText operator+(StyledText text, const StyledText& more) {
    return std::move(text += more);
  }

  // What is sent to a terminal.
  std::string Shown(bool colour) const;

 private:
  struct Part {
    Style style;
    std::string text;
    Part(Style a_style, std::string_view a_text) : style(a_style), text(a_text) {}
  };
  std::vector<Part> parts_;
};

// One output stream for people: colour only on a terminal and without NO_COLOR (no-color.org).
// Borrows the stream. Threads: one.
class Terminal {
 public:
  explicit Terminal(std::FILE* stream);
  Terminal(std::FILE* stream, bool colour) : stream_(stream), colour_(colour) {}

  bool colour() const { return colour_; }
  void Line(const StyledText& text = {});
  // A message that may have several lines: each break with two blanks behind it is one. Syncline's
  // own messages are written so; whatever else breaks lines is shown as \n.
  void Lines(const StyledText& head, std::string_view message);
  // For a reader of a pipe, who would otherwise wait until a buffer is full.
  void Flush();

 private:
  std::FILE* stream_;
  bool colour_;
};

// Rows in columns, as wide as their widest cell; numbers to the right. Threads: one.
class TextTable {
 public:
  struct Header {
    std::string title;
    bool right = false;
  };
  explicit TextTable(std::vector<Header> headers) : headers_(std::move(headers)) {}

  // As many cells as headers; shown as Printable says.
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
// Code points, which is what a monospaced terminal shows of most scripts.
size_t DisplayWidth(std::string_view text);

}  // namespace syncline::cli
