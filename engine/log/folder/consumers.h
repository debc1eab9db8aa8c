#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/log/folder/mark.h"
#include "engine/log/log_reader.h"

namespace syncline {

// The consumers of a log tell the writer how far they have come, each by a mark in a file of its
// own in the folder `consumers`: retention waits for them. What they say is never more than is in
// their target. Private to engine/log; belongs to one thread.
class Consumers {
 public:
  explicit Consumers(std::filesystem::path log_folder);

  // Those of this log, by name; one whose file cannot be read is taken to be at 0. Throws
  // RetryError.
  std::vector<Consumer> List(const LogId& log_id) const;

  // False when the file cannot be written: the consumer may have no right to.
  bool Tell(const std::string& name, const Mark& mark);

  // When Tell last wrote, by the clock of the folder's file system; none: it is not known.
  std::optional<WallTime> ToldAt(const std::string& name) const;

  void Forget(const std::string& name);

  // Writes down in another log's folder what the consumers of log `log_id` have said here. Only
  // their marks are read: whatever else lies in the folder stays behind. Throws EnvironmentError.
  void CopyTo(const std::filesystem::path& log_folder, const LogId& log_id) const;

  // The log's folder may be another one now.
  void Reopen() { files_.clear(); }

 private:
  const std::filesystem::path folder_;
  std::map<std::string, std::unique_ptr<MarkFile>> files_;  // those that Tell has opened
};

}  // namespace syncline
