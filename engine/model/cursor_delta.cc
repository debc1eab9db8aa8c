#include "engine/model/cursor_delta.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engine/base/error.h"
#include "engine/model/wire.h"

namespace syncline {
namespace {

// Each with its newline.
std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// Collects what becomes of the bytes of `before`, from its beginning on.
class Script {
 public:
  void Keep(size_t bytes) {
    if (skip_ != 0 || !insert_.empty()) End();
    keep_ += bytes;
  }
  void Skip(size_t bytes) { skip_ += bytes; }
  void Insert(std::string_view bytes) { insert_ += bytes; }

  std::string Take() {
    if (keep_ != 0 || !insert_.empty() || text_.empty()) End();
    return std::move(text_);
  }

 private:
  void End() {
    char numbers[30];
    char* at = wire::PutVarint(numbers, keep_);
    at = wire::PutVarint(at, skip_);
    at = wire::PutVarint(at, insert_.size());
    text_.append(numbers, static_cast<size_t>(at - numbers));
    text_ += insert_;
    keep_ = skip_ = 0;
    insert_.clear();
  }

  std::string text_;
  size_t keep_ = 0;
  size_t skip_ = 0;
  std::string insert_;
};

// Where a line stands in the old text, at or behind a place. Reads the old text when it is first
// asked.
class OldLines {
 public:
  explicit OldLines(const std::vector<std::string_view>& lines) : lines_(lines) {}

  // lines_.size(): nowhere.
  size_t Find(std::string_view line, size_t from) {
    if (places_.empty()) {
      // The last of equal ones stays.
      for (size_t i = 0; i < lines_.size(); ++i) places_[lines_[i]] = i;
    }
    const auto found = places_.find(line);
    return found == places_.end() || found->second < from ? lines_.size() : found->second;
  }

 private:
  const std::vector<std::string_view>& lines_;
  std::unordered_map<std::string_view, size_t> places_;
};

Error NoDelta() { return DamageError("a frame's cursor does not follow the one before it"); }

}  // namespace

std::string MakeCursorDelta(std::string_view before, std::string_view after) {
  if (before == after) return {};
  const std::vector<std::string_view> old_lines = LinesOf(before);
  const std::vector<std::string_view> new_lines = LinesOf(after);
  OldLines places(old_lines);
  Script script;
  size_t at = 0;  // in old_lines
  for (size_t i = 0; i < new_lines.size(); ++i) {
    const std::string_view line = new_lines[i];
    if (at < old_lines.size() && old_lines[at] == line) {
      script.Keep(line.size());
      ++at;
      continue;
    }
    const bool replaced = at + 1 < old_lines.size() && i + 1 < new_lines.size() &&
                          old_lines[at + 1] == new_lines[i + 1];
    const size_t found = replaced ? old_lines.size() : places.Find(line, at);
    if (found == old_lines.size()) {
      script.Insert(line);
      if (!replaced) continue;
      script.Skip(old_lines[at++].size());
      continue;
    }
    for (; at < found; ++at) script.Skip(old_lines[at].size());
    script.Keep(line.size());
    ++at;
  }
  return script.Take();
}

std::string ApplyCursorDelta(std::string_view before, std::string_view delta) {
  if (delta.empty()) return std::string(before);
  std::string after;
  after.reserve(before.size() + delta.size());
  wire::Reader script(delta);
  wire::Reader old(before);
  while (!script.done()) {
    after += old.Take(script.Varint());
    old.Take(script.Varint());
    after += script.LengthDelimited();
    if (!script.ok() || !old.ok()) throw NoDelta();
  }
  return after;
}

}  // namespace syncline
