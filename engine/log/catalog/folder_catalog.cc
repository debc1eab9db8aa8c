#include "engine/log/catalog/folder_catalog.h"

#include <unistd.h>

#include <string>
#include <system_error>
#include <utility>

#include "engine/base/private_folder.h"
#include "engine/log/care/log_privacy.h"
#include "engine/log/care/log_repair.h"
#include "engine/log/care/log_verify.h"
#include "engine/log/folder/log_folder.h"
#include "engine/log/folder/poll_note_file.h"
#include "engine/log/log_care.h"
#include "engine/log/rocks/open_log.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

// The nearest folder above that exists; it decides whether the log can be made, and has room.
fs::path NearestFolder(fs::path path) {
  std::error_code error;
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return path.empty() ? fs::path(".") : path;
}

class FolderPlace : public LogPlace, public LogCare {
 public:
  explicit FolderPlace(fs::path folder) : folder_(std::move(folder)) {}

  std::string Describe() const override { return folder_.string(); }

  bool MayExist() const override {
    std::error_code error;
    // What may not be looked at may be a log: opening it says what is in the way.
    if (!fs::exists(folder_, error)) return static_cast<bool>(error);
    return !fs::is_empty(folder_, error);
  }

  std::unique_ptr<ChangeLog> Open(std::string_view source, Clock& clock) const override {
    return OpenRocksLog(folder_, source, clock);
  }
  std::unique_ptr<LogReader> OpenReader(Clock& clock) const override {
    return OpenRocksLogReader(folder_, clock);
  }

  std::unique_ptr<PollNoteWriter> OpenPollNote(const LogId& id) const override {
    return PollNoteFile::Open(folder_, id);
  }
  std::optional<PollNote> ReadPollNote(const LogId& id) const override {
    return syncline::ReadPollNote(folder_, id);
  }
  fs::path OrderSocket() const override { return folder_ / log_folder::kControlName; }

  const LogCare& care() const override { return *this; }

  LogVerification Verify(
      Clock& clock, std::stop_token stop,
      const std::function<void(const LogVerification&)>& progress) const override {
    return VerifyLog(folder_, clock, std::move(stop), progress);
  }
  LogRemains FindRemains() const override { return syncline::FindRemains(folder_); }
  LogRepair Repair(Offset truncate_at, Clock& clock) const override {
    return RepairLog(folder_, truncate_at, clock);
  }

  bool KeepPrivate() const override { return KeepLogPrivate(folder_); }
  bool IsOpenToOthers() const override {
    std::error_code error;
    if (fs::exists(folder_, error)) return syncline::IsOpenToOthers(folder_);
    CheckWayTo(folder_);
    CheckParentOf(folder_);
    return false;
  }

  bool MayBeWritten() const override { return ::access(NearestFolder(folder_).c_str(), W_OK) == 0; }
  uint64_t BytesUsed() const override {
    uint64_t bytes = 0;
    std::error_code error;  // a running writer removes files at any moment
    for (auto it = fs::recursive_directory_iterator(folder_, error);
         !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      std::error_code gone;
      const uint64_t size = it->is_regular_file(gone) ? it->file_size(gone) : 0;
      if (!gone) bytes += size;
    }
    return bytes;
  }
  std::optional<uint64_t> BytesFree() const override {
    std::error_code error;
    const fs::space_info space = fs::space(NearestFolder(folder_), error);
    return error ? std::nullopt : std::optional<uint64_t>(space.available);
  }

 private:
  const fs::path folder_;
};

class FolderLogCatalog : public LogCatalog {
 public:
  explicit FolderLogCatalog(fs::path folder) : folder_(std::move(folder)) {}

  LogRef Find(const std::string& name) const override { return FolderLog(folder_ / name); }
  std::string Describe() const override { return folder_.string(); }
  bool KeepPrivate() const override { return KeepLogsFolderPrivate(folder_); }

 private:
  const fs::path folder_;
};

}  // namespace

std::shared_ptr<const LogCatalog> FolderCatalog(fs::path folder) {
  return std::make_shared<FolderLogCatalog>(std::move(folder));
}

bool IsInTheWayOf(std::string_view name, std::string_view other) {
  return log_folder::IsInTheWayOf(name, other);
}

LogRef FolderLog(fs::path folder) { return std::make_shared<FolderPlace>(std::move(folder)); }

}  // namespace syncline
