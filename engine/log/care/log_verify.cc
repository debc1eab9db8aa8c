#include "engine/log/care/log_verify.h"

#include <fmt/format.h>
#include <rocksdb/sst_file_reader.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/log/log_damage.h"
#include "engine/log/log_reader.h"
#include "engine/log/rocks/open_log.h"
#include "engine/log/store/rocks_options.h"
#include "engine/log/store/rocks_status.h"
#include "engine/log/store/store_reader.h"
#include "engine/model/cursor_delta.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

// A writer that compacts takes files away that were listed a moment ago; each new list holds fewer
// that have not been checked.
constexpr int kListsMax = 100;
constexpr size_t kEntriesAtOnce = 1000;
constexpr int kVerifyTriesMax = 10;
constexpr Microseconds kPause = std::chrono::milliseconds(20);

class Verifier {
 public:
  Verifier(fs::path folder, Clock& clock, std::stop_token stop,
           const std::function<void(const LogVerification&)>& progress)
      : folder_(std::move(folder)), clock_(clock), stop_(std::move(stop)), progress_(progress) {}

  LogVerification Run() {
    try {
      const std::unique_ptr<LogReader> reader = OpenRocksLogReader(folder_, clock_);
      WalkChain(*reader);
      WalkBase(*reader);
      if (!stop_.stop_requested()) CheckFiles();
      found_.finished = !stop_.stop_requested();
    } catch (const Error& error) {
      if (error.reaction() != Reaction::kDamage) throw;
      found_.damage = error;
    }
    return std::move(found_);
  }

 private:
  // A writer that folds can make the base look wrong for a moment.
  void WalkBase(LogReader& reader) {
    for (int tries = 0;; ++tries) {
      try {
        const std::unique_ptr<BaseReader> base = reader.OpenBase();
        found_.base_entries = base->info().entries;
        while (!stop_.stop_requested() && !base->Next(kEntriesAtOnce).empty()) progress_(found_);
        return;
      } catch (const Error& error) {
        if (error.reaction() == Reaction::kRestart && tries < kVerifyTriesMax) {
          clock_.Sleep(kPause, stop_);
          continue;
        }
        found_.base_damaged = true;
        if (error.reaction() == Reaction::kRestart) throw LogDamage(error.message());
        throw;
      }
    }
  }

  void WalkChain(LogReader& reader) {
    found_.info = reader.info();
    found_.begin = reader.begin();
    found_.end = reader.end();
    found_.whole = found_.begin;
    reader.Seek(found_.begin);
    while (!stop_.stop_requested() && *found_.whole < found_.end) {
      try {
        const std::optional<Frame> frame = reader.Next();
        if (!frame) return;
        Add(*frame);
      } catch (const Error& error) {
        // Folded while it was read: what is left begins later.
        if (error.reaction() != Reaction::kRestart || reader.begin() <= *found_.whole) throw;
        found_.whole = reader.begin();
        reader.Seek(*found_.whole);
      }
    }
  }

  // What Last says of it is made of the last few frames only.
  void CheckCursor(const FrameHeader& header) {
    const bool follows = header.cursor_from == cursor_from_;
    if (header.has_whole_cursor()) {
      cursor_ = header.cursor;
      cursor_from_ = header.cursor_from.value_or(header.base);
      return;
    }
    if (!follows) {
      throw LogDamage(
          fmt::format("the frame at offset {} tells how far capture has read by a "
                      "frame that is not there",
                      header.base.value()));
    }
    cursor_ = ApplyCursorDelta(cursor_, header.cursor);
  }

  void Add(const Frame& frame) {
    CheckCursor(frame.header);
    found_.whole = frame.header.end();
    found_.frames += 1;
    found_.changes += frame.changes.size();
    found_.cuts += frame.header.closes_cut ? 1 : 0;
    for (const Change& change : frame.changes) found_.row_bytes += change.row.bytes().size();
    progress_(found_);
  }

  void CheckFiles() {
    for (int lists = 0; lists < kListsMax; ++lists) {
      bool all = true;
      for (const rocksdb::LiveFileMetaData& file : ListFiles()) {
        if (stop_.stop_requested()) return;
        if (checked_.contains(file.name)) continue;
        if (CheckFile(file)) continue;
        if (!gone_.insert(file.name).second) {
          throw LogDamage(
              fmt::format("the file {} of the log in {} is missing", file.name, folder_.string()));
        }
        all = false;
      }
      if (all) return;
    }
  }

  std::vector<rocksdb::LiveFileMetaData> ListFiles() {
    for (int tries = 0;; ++tries) {
      try {
        StoreReader store(folder_);
        std::vector<rocksdb::LiveFileMetaData> files;
        store.db().GetLiveFilesMetaData(&files);
        return files;
      } catch (const Error&) {
        if (tries == kVerifyTriesMax) throw;
      }
      clock_.Sleep(kPause, stop_);
    }
  }

  // False when the file is not there.
  bool CheckFile(const rocksdb::LiveFileMetaData& file) {
    const std::string path = folder_.string() + file.name;
    rocksdb::SstFileReader reader(rocksdb::Options(rocks::ReaderOptions(), {}));
    rocksdb::Status status = reader.Open(path);
    if (status.ok()) status = reader.VerifyChecksum(rocks::ScanOptions());
    if (std::error_code error; !status.ok() && !fs::exists(path, error) && !error) return false;
    ThrowIfBad(status, fmt::format("checking the file {} ({}) of the log in {}", file.name,
                                   file.column_family_name, folder_.string()));
    checked_.insert(file.name);
    found_.files += 1;
    found_.file_bytes += file.size;
    progress_(found_);
    return true;
  }

  const fs::path folder_;
  Clock& clock_;
  const std::stop_token stop_;
  const std::function<void(const LogVerification&)>& progress_;
  LogVerification found_;
  std::string cursor_;                    // after found_.whole
  std::optional<Offset> cursor_from_;     // the frame that had it whole
  std::set<std::string> checked_, gone_;  // file names
};

}  // namespace

LogVerification VerifyLog(const fs::path& folder, Clock& clock, std::stop_token stop,
                          const std::function<void(const LogVerification&)>& progress) {
  return Verifier(folder, clock, std::move(stop), progress).Run();
}

}  // namespace syncline
