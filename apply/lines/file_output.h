#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "apply/lines/lines_output.h"
#include "apply/lines/position_file.h"
#include "engine/base/file.h"

namespace syncline::apply {

// Lines in a file, with its position in another one beside it. A commit writes lines, syncs them,
// then writes the position (WritePositionFile). So after a crash the position tells which bytes of
// the file count, and Begin cuts off the others.
//
// The file is only ever appended to. A commit finds out when somebody else has shortened it,
// written to it, or moved it away since it was opened: it is refused with a StopError, and the
// position stays where it was.
//
// Makes the file if it is missing, for its user alone; one that is there keeps its rights, and is
// taken if it is empty or has a position. One process writes at a time (flock); another one is
// refused with an EnvironmentError.
// Belongs to one thread at a time; name() may be asked from any.
class FileOutput : public LinesOutput {
 public:
  explicit FileOutput(std::filesystem::path path);

  const std::string& name() const override { return name_; }
  void Open() override;
  void Close() noexcept override;
  bool is_open() const override { return file_ != nullptr; }
  const std::optional<LinesPosition>& position() const override { return position_; }
  void Begin() override;
  void Write(std::string_view lines) override;
  void Commit(const LinesPosition& to, bool is_part) override;

 private:
  uint64_t Length() const;
  // Throws StopError unless the file is as this object has left it, and still has its name.
  void CheckUntouched() const;

  const std::filesystem::path path_;
  const std::string name_;
  // As long-lived as the open file.
  std::unique_ptr<file::Descriptor> file_;
  std::optional<LinesPosition> position_;
  bool has_position_file_ = false;
  uint64_t counted_ = 0;                  // bytes that the position file tells
  std::optional<uint64_t> counted_tail_;  // FilePosition::tail
  uint64_t written_ = 0;                  // bytes, all of them
};

}  // namespace syncline::apply
