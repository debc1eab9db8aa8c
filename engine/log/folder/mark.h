#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/file.h"
#include "engine/base/offset.h"
#include "engine/model/frame.h"

namespace syncline {

// A place in a log's history. Plain value type.
struct Mark {
  LogId log_id;
  uint64_t epoch = 0;
  Offset begin;       // the frames before are folded into the base
  Offset next;        // the frame before ends here
  uint64_t hash = 0;  // of that frame; 0 when there is none, or it is not known

  bool operator==(const Mark&) const = default;
};

// A mark in a small file beside a log's store, overwritten in place: the durable mark, which the
// writer moves after each sync (invariant 2), and one for every consumer. FORMAT.md has the bytes.
// Private to engine/log.
//
// Moving it costs one pwrite and wakes who watches the file (MarkWatch). It is synced only when
// asked to: a mark that a power cut takes back says less than is true, never more, because what it
// tells of was synced before. One thread writes; any may sync.
class MarkFile {
 public:
  // Opens the file, or makes it, whole and synced, with `mark` in it.
  // Throws EnvironmentError.
  static std::unique_ptr<MarkFile> Open(const std::filesystem::path& path, const Mark& mark);

  MarkFile(const MarkFile&) = delete;
  MarkFile& operator=(const MarkFile&) = delete;

  // Throws RetryError; the file then holds the old mark or the new one.
  void Write(const Mark& mark);
  // Throws RetryError.
  void Sync();

 private:
  explicit MarkFile(const std::filesystem::path& path);

  const std::filesystem::path path_;
  const file::Descriptor file_;
};

// What the file says now; nothing if there is no such file. A mark that is just being overwritten
// is looked at again. Throws DamageError when the bytes are no mark, EnvironmentError when they
// cannot be read.
std::optional<Mark> ReadMark(const std::filesystem::path& path);

// The file's bytes.
std::string EncodeMark(const Mark& mark);
std::optional<Mark> DecodeMark(std::string_view bytes);

}  // namespace syncline
