#include "tests/support/power_trace.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace syncline::power {
namespace {

std::string FolderOf(int folder) {
  char path[PATH_MAX] = {};
  if (folder == AT_FDCWD) return ::getcwd(path, sizeof path) == nullptr ? "" : path;
  const std::string link = "/proc/self/fd/" + std::to_string(folder);
  return ::readlink(link.c_str(), path, sizeof path - 1) < 0 ? "" : path;
}

// Without "//", "/./" and "/../"; links are not followed.
std::string Plain(const std::string& path) {
  std::vector<std::string> parts;
  size_t at = 0;
  while (at < path.size()) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    at = end + 1;
  }
  std::string plain;
  for (const std::string& part : parts) plain += "/" + part;
  return plain;
}

}  // namespace

Trace& Trace::Get() {
  static Trace* trace = new Trace;  // for as long as any thread runs
  return *trace;
}

const char* Trace::Inside(int folder, const char* path, std::string& name) const {
  if (!on() || path == nullptr) return nullptr;
  std::string whole = path;
  if (whole.empty() || whole[0] != '/') whole = FolderOf(folder) + "/" + whole;
  whole = Plain(whole);
  if (whole.compare(0, root_.size(), root_) != 0) return nullptr;
  if (whole.size() == root_.size()) {
    name = ".";
  } else if (whole[root_.size()] == '/') {
    name = whole.substr(root_.size() + 1);
  } else {
    return nullptr;
  }
  return name.c_str();
}

void Trace::Put(Kind kind, uint64_t file, uint64_t offset, const void* bytes, size_t length) {
  std::string record(1, static_cast<char>(kind));
  for (const uint64_t number : {file, offset, static_cast<uint64_t>(length)}) {
    record.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  record.append(static_cast<const char*>(bytes), length);
  WriteAll(record);
}

void Trace::Put(Kind kind, const std::string& from, const std::string& to) {
  std::string both = from;
  both.push_back('\0');
  both += to;
  Put(kind, both);
}

uint64_t Trace::FileOf(int fd) {
  const auto found = open_.find(fd);
  return found == open_.end() ? 0 : found->second;
}

void Trace::Opened(int fd, const std::string& name, bool made, bool emptied) {
  struct stat status = {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return;
  const auto inode =
      std::make_pair(static_cast<uint64_t>(status.st_dev), static_cast<uint64_t>(status.st_ino));
  uint64_t& number = numbers_[inode];
  if (number == 0 || made) number = ++last_;
  open_[fd] = number;
  Put(Kind::kOpen, number, made ? 1 : 0, name.data(), name.size());
  if (emptied && !made) Put(Kind::kSize, number, 0, nullptr, 0);
}

void Trace::Same(int fd, int as) {
  if (const uint64_t file = FileOf(as); file != 0) open_[fd] = file;
}

Trace::Trace() {
  const char* root = std::getenv("SYNCLINE_POWER_ROOT");
  const char* trace = std::getenv("SYNCLINE_POWER_TRACE");
  if (root == nullptr || trace == nullptr) return;
  root_ = Plain(root);
  file_ = Real<int (*)(const char*, int, ...)>("open")(
      trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  // Children do other things.
  ::unsetenv("LD_PRELOAD");
}

void Trace::WriteAll(const std::string& bytes) {
  static const auto write = Real<ssize_t (*)(int, const void*, size_t)>("write");
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = write(file_, bytes.data() + at, bytes.size() - at);
    if (written < 0) {
      std::perror("the trace of a power test");
      std::abort();
    }
    at += static_cast<size_t>(written);
  }
}

}  // namespace syncline::power
