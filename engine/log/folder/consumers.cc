#include "engine/log/folder/consumers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <system_error>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/private_folder.h"
#include "engine/log/folder/log_folder.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

bool IsPlain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '_';
}

// Any name as one of a file, and back.
std::string FileName(const std::string& name) {
  std::string file;
  for (const char c : name) {
    IsPlain(c) ? file += c : file += fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  return file;
}

std::string NameOf(const std::string& file) {
  std::string name;
  for (size_t at = 0; at < file.size(); ++at) {
    unsigned code = 0;
    if (file[at] == '%' && at + 2 < file.size() &&
        std::from_chars(&file[at + 1], &file[at + 3], code, 16).ptr == &file[at + 3]) {
      name += static_cast<char>(code);
      at += 2;
    } else {
      name += file[at];
    }
  }
  return name;
}

}  // namespace

Consumers::Consumers(fs::path log_folder)
    : folder_(log_folder::ConsumersPath(std::move(log_folder))) {}

std::vector<Consumer> Consumers::List(const LogId& log_id) const {
  std::vector<Consumer> consumers;
  std::error_code error;
  fs::directory_iterator entry(folder_, error);
  if (error == std::errc::no_such_file_or_directory) return consumers;
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string file = entry->path().filename();
    if (file.find('.') != file.npos) continue;  // one that is being made
    try {
      const std::optional<Mark> mark = ReadMark(entry->path());
      if (mark && mark->log_id == log_id) consumers.push_back({NameOf(file), mark->next});
    } catch (const Error&) {
      consumers.push_back({NameOf(file), Offset(0)});  // it may need everything
    }
  }
  if (error) {
    throw RetryError(fmt::format("looking into {}: {}", folder_.string(), error.message()),
                     "the user that captures must be able to read what the consumers write there");
  }
  std::ranges::sort(consumers, {}, &Consumer::name);
  return consumers;
}

bool Consumers::Tell(const std::string& name, const Mark& mark) {
  try {
    // Root's files in another user's log could not be read there.
    if (!IsOwnFolder(folder_.parent_path())) return false;
    std::unique_ptr<MarkFile>& file = files_[name];
    std::error_code error;
    if (!fs::exists(folder_, error)) MakePrivateFolder(folder_);
    if (file != nullptr && fs::exists(folder_ / FileName(name), error)) {
      file->Write(mark);
    } else {
      file = MarkFile::Open(folder_ / FileName(name), mark);
    }
    return true;
  } catch (const Error&) {
    files_.erase(name);
    return false;
  }
}

// Each mark is written anew.
std::optional<WallTime> Consumers::ToldAt(const std::string& name) const {
  std::error_code error;
  const auto time = fs::last_write_time(folder_ / FileName(name), error);
  if (error) return {};
  return std::chrono::time_point_cast<Microseconds>(std::chrono::file_clock::to_sys(time));
}

void Consumers::Forget(const std::string& name) {
  std::error_code error;
  fs::remove(folder_ / FileName(name), error);
  if (error) throw EnvironmentError("removing a consumer: " + error.message());
}

void Consumers::CopyTo(const fs::path& log_folder, const LogId& log_id) const {
  Consumers copy(log_folder);
  for (const Consumer& consumer : List(log_id)) {
    if (copy.Tell(consumer.name, {.log_id = log_id, .next = consumer.next})) continue;
    throw EnvironmentError(fmt::format("writing down a consumer in {}", log_folder.string()),
                           "check the disk and the permissions of the folder");
  }
}

}  // namespace syncline
