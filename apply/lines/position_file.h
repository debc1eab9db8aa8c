#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apply/lines/lines_output.h"
#include "engine/base/error.h"

namespace syncline::apply {

// What the file beside an output says: how far that is, and how many of its bytes count. A plain
// value type.
struct FilePosition {
  LinesPosition lines;
  uint64_t length = 0;
  // Of the bytes that count the last ones (TailOf): tells the output from another file. None: an
  // earlier build wrote the position.
  std::optional<uint64_t> tail = {};
};

// "out.jsonl.position" for "out.jsonl".
std::filesystem::path PositionFileOf(const std::filesystem::path& output);
// That file, and the temporary one that takes its place.
std::vector<std::filesystem::path> PositionFilesOf(const std::filesystem::path& output);

// One line a member, "name value", the last one with the checksum of those before. Throws StopError
// for what is none, naming `file`. Takes positions without checksum and tail, too, as earlier
// builds wrote them.
std::string EncodePosition(const FilePosition& position);
FilePosition DecodePosition(const std::string& text, const std::filesystem::path& file);

// None: there is no such file. Throws StopError for what is no position, EnvironmentError for a
// file that cannot be read.
std::optional<FilePosition> ReadPositionFile(const std::filesystem::path& file);
// In one step that survives a power cut: a temporary file beside it, synced, takes its place, and
// the folder is synced. Throws RetryError or EnvironmentError; either position is there then.
void WritePositionFile(const std::filesystem::path& file, const FilePosition& position);

// An output and its position belong together; `length`: of the output, none if it is not there.
// Throws UsageError with the way on.
void CheckFits(const std::filesystem::path& output, std::optional<uint64_t> length,
               const std::optional<FilePosition>& position);

// Checksum of the last 4 KiB before `length` in an open file. Throws FileError.
uint64_t TailOf(int fd, uint64_t length);
// The bytes that count are those that the position was written for, as far as their tail tells.
// `fd`: of the output, which is long enough. Throws UsageError with the way on.
void CheckTail(const std::filesystem::path& output, int fd,
               const std::optional<FilePosition>& position);

// The position of an output of that pipeline as a progress row would tell it, for who only looks;
// none: nothing was written yet. Throws as the others here.
std::optional<Progress> ReadLinesProgress(const std::filesystem::path& output);

// Of a call that failed with `error` (errno): a full disk may have room again, others need a
// person.
Error FileError(const std::string& what, int error);

}  // namespace syncline::apply
