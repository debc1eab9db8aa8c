#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace syncline::power {

// What a record of the trace tells of. A record: kind (1 byte), file (8), offset (8), length (8),
// then that many bytes; integers little endian. Names are relative to the root.
enum class Kind : char {
  kOpen = 'o',        // bytes: name; offset: 1 if the file was made
  kWrite = 'w',       // offset, bytes
  kSize = 't',        // offset: the new size
  kSync = 's',        // of a file
  kSyncFolder = 'd',  // bytes: name
  kRename = 'r',      // bytes: old name, zero byte, new name
  kExchange = 'x',    // the same
  kLink = 'l',        // the same
  kUnlink = 'u',      // bytes: name
  kFolder = 'm',      // bytes: name of a folder that was made
  kNoFolder = 'n',    // bytes: name of a folder that was removed
};

// The call of that name that the next library has, mostly the C library's.
template <typename Function>
Function Real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

// The trace that this process writes, to SYNCLINE_POWER_TRACE, of what is below
// SYNCLINE_POWER_ROOT. Files are told apart by numbers of the trace's own, which hard links share.
// Any thread may use it; whoever records a call holds `mutex` during the call, so that the order in
// the trace is the order in which the calls took effect.
class Trace {
 public:
  static Trace& Get();

  bool on() const { return file_ >= 0; }

  // The name below the root of a path as it is given; nothing (null) where it lies elsewhere.
  const char* Inside(int folder, const char* path, std::string& name) const;

  void Put(Kind kind, uint64_t file, uint64_t offset, const void* bytes, size_t length);
  void Put(Kind kind, const std::string& name) { Put(kind, 0, 0, name.data(), name.size()); }
  void Put(Kind kind, const std::string& from, const std::string& to);

  // The number of an open file; 0 for what is not followed.
  uint64_t FileOf(int fd);
  void Opened(int fd, const std::string& name, bool made, bool emptied);
  void Closed(int fd) { open_.erase(fd); }
  void Same(int fd, int as);

  std::recursive_mutex mutex;

 private:
  Trace();

  void WriteAll(const std::string& bytes);

  int file_ = -1;
  std::string root_;
  // Guarded by `mutex`.
  std::map<int, uint64_t> open_;
  std::map<std::pair<uint64_t, uint64_t>, uint64_t> numbers_;
  uint64_t last_ = 0;
};

}  // namespace syncline::power
