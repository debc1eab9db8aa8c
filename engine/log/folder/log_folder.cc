#include "engine/log/folder/log_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include "engine/base/file.h"
#include "engine/base/private_folder.h"
#include "engine/log/log_damage.h"

namespace syncline::log_folder {
namespace {

namespace fs = std::filesystem;

constexpr char kPermissionHint[] =
    "run syncline as the user whose folder it is, or choose another one under `log:`";

constexpr std::string_view kMarkName = "durable";
constexpr std::string_view kDraftName = "durable.new";
constexpr std::string_view kConsumersName = "consumers";
constexpr char kRepairSuffix[] = ".repair";
constexpr char kSalvageSuffix[] = ".salvage";

// What lies in the folder of a log: RocksDB's files by their names, and ours.
bool IsOurs(std::string_view name) {
  const size_t digits = name.find_first_not_of("0123456789");
  if (digits != name.npos && digits > 0) {
    const std::string_view kind = name.substr(digits);
    return kind == ".log" || kind == ".sst" || kind == ".dbtmp";
  }
  return name == "LOCK" || name == "IDENTITY" || name.starts_with("LOG") ||
         name.starts_with("MANIFEST-") || name.starts_with("OPTIONS-") || name == kMarkName ||
         name == kConsumersName || name == kControlName || name == kRepairName ||
         name == kPolledName;
}

}  // namespace

State Inspect(const fs::path& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found) return State::kEmpty;
  if (!error && !fs::is_directory(status)) {
    throw EnvironmentError(folder.string() + " is not a folder",
                           "choose another folder under `log:`");
  }
  bool ours = false, foreign = false;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name == "CURRENT") return State::kStore;
    if (name == kDraftName) continue;  // of a making that was cut off before it began
    (IsOurs(name) ? ours : foreign) = true;
  }
  if (error) {
    throw EnvironmentError("looking into the folder " + folder.string() + ": " + error.message(),
                           kPermissionHint);
  }
  if (foreign) return State::kOther;
  return ours ? State::kParts : State::kEmpty;
}

fs::path MarkPath(const fs::path& folder) { return folder / kMarkName; }

fs::path ConsumersPath(const fs::path& folder) { return folder / kConsumersName; }

fs::path RepairPath(const fs::path& folder) {
  return fs::absolute(folder).lexically_normal().string() + kRepairSuffix;
}

fs::path SalvagePath(const fs::path& folder) {
  return fs::absolute(folder).lexically_normal().string() + kSalvageSuffix;
}

bool IsInTheWayOf(std::string_view name, std::string_view other) {
  if (!name.starts_with(other)) return false;
  const std::string_view rest = name.substr(other.size());
  return rest == kRepairSuffix || rest == kSalvageSuffix || rest.starts_with(kDamagedSuffix);
}

void RemoveIfEmpty(const fs::path& folder) {
  if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) return;
  throw EnvironmentError(
      fmt::format("{} is in the way of a repair: no repair has made it", folder.string()),
      "move it elsewhere, or take it away if nobody needs it, and repair again");
}

Error IncompleteError(const fs::path& folder) {
  return LogDamage(fmt::format("files of the log in {} are missing", folder.string()));
}

void Make(const fs::path& folder) {
  for (const fs::path& path : MakePrivateFolder(folder)) file::SyncFolder(path.parent_path());
}

std::optional<pid_t> LockHolder(const fs::path& folder) {
  const file::Descriptor descriptor(folder / "LOCK", O_RDWR);
  if (descriptor.get() < 0) return {};
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(descriptor.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK || lock.l_pid <= 0) {
    return {};
  }
  return lock.l_pid;
}

}  // namespace syncline::log_folder
