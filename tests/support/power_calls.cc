// A library to be preloaded into the program under test. It writes down, in their order, all calls
// that change files below SYNCLINE_POWER_ROOT or make them durable, into SYNCLINE_POWER_TRACE.
// support/power.py plays such a trace back up to any of its calls and makes the folder that a power
// cut at that moment could have left.
//
// What is written through a mapping is not recorded: SQLite's shared memory, which does not outlive
// the machine anyway.

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>

#include "tests/support/power_trace.h"

namespace {

using syncline::power::Kind;
using syncline::power::Real;
using syncline::power::Trace;
using Lock = std::lock_guard<std::recursive_mutex>;

int Open(int folder, const char* path, int flags, mode_t mode) {
  static const auto real = Real<int (*)(int, const char*, int, ...)>("openat");
  Trace& trace = Trace::Get();
  std::string name;
  if (trace.Inside(folder, path, name) == nullptr) return real(folder, path, flags, mode);
  const Lock lock(trace.mutex);
  struct stat status = {};
  const bool there = ::fstatat(folder, path, &status, 0) == 0;
  const int fd = real(folder, path, flags, mode);
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (fd >= 0) {
    trace.Closed(fd);
    // Read-only files are followed, too: syncing through them counts.
    trace.Opened(fd, name, !there && (flags & O_CREAT) != 0, writes && (flags & O_TRUNC) != 0);
  }
  return fd;
}

ssize_t Written(uint64_t file, off_t offset, const iovec* parts, int count, ssize_t written) {
  if (written <= 0) return written;
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  }
  Trace::Get().Put(Kind::kWrite, file, static_cast<uint64_t>(offset), bytes.data(),
                   static_cast<size_t>(written));
  return written;
}

// Where an ordinary write will put its bytes.
off_t PlaceOf(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if ((flags & O_APPEND) != 0) {
    struct stat status = {};
    return ::fstat(fd, &status) == 0 ? status.st_size : 0;
  }
  return ::lseek(fd, 0, SEEK_CUR);
}

bool IsFolder(int fd, std::string& name) {
  struct stat status = {};
  if (::fstat(fd, &status) != 0 || !S_ISDIR(status.st_mode)) return false;
  return Trace::Get().Inside(fd, ".", name) != nullptr;
}

template <typename Function>
int Synced(int fd, Function real) {
  Trace& trace = Trace::Get();
  if (!trace.on()) return real(fd);
  const Lock lock(trace.mutex);
  const int result = real(fd);
  std::string name;
  if (result != 0) return result;
  if (const uint64_t file = trace.FileOf(fd); file != 0) {
    trace.Put(Kind::kSync, file, 0, nullptr, 0);
  } else if (IsFolder(fd, name)) {
    trace.Put(Kind::kSyncFolder, name);
  }
  return result;
}

template <typename Function>
int Named(Kind kind, int folder, const char* path, Function real) {
  Trace& trace = Trace::Get();
  std::string name;
  if (trace.Inside(folder, path, name) == nullptr) return real();
  const Lock lock(trace.mutex);
  const int result = real();
  if (result == 0) trace.Put(kind, name);
  return result;
}

template <typename Function>
int NamedTwice(Kind kind, int from_folder, const char* from, int to_folder, const char* to,
               Function real) {
  Trace& trace = Trace::Get();
  std::string old_name, new_name;
  const bool out = trace.Inside(from_folder, from, old_name) == nullptr;
  const bool in = trace.Inside(to_folder, to, new_name) != nullptr;
  if (out && !in) return real();
  if (out || !in) {
    std::fprintf(stderr, "the trace of a power test: %s to %s crosses its border\n", from, to);
    std::abort();
  }
  const Lock lock(trace.mutex);
  const int result = real();
  if (result == 0) trace.Put(kind, old_name, new_name);
  return result;
}

mode_t ModeOf(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

#define OPEN_WITH_MODE(CALL)                    \
  va_list arguments;                            \
  va_start(arguments, flags);                   \
  const mode_t mode = ModeOf(flags, arguments); \
  va_end(arguments);                            \
  return CALL

extern "C" {

int open(const char* path, int flags, ...) { OPEN_WITH_MODE(Open(AT_FDCWD, path, flags, mode)); }
int open64(const char* path, int flags, ...) { OPEN_WITH_MODE(Open(AT_FDCWD, path, flags, mode)); }
int openat(int folder, const char* path, int flags, ...) {
  OPEN_WITH_MODE(Open(folder, path, flags, mode));
}
int openat64(int folder, const char* path, int flags, ...) {
  OPEN_WITH_MODE(Open(folder, path, flags, mode));
}
int creat(const char* path, mode_t mode) {
  return Open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

// The standard library's streams open files this way, and write to the descriptor themselves.
FILE* fopen64(const char* path, const char* mode) {
  static const auto real = Real<FILE* (*)(const char*, const char*)>("fopen64");
  Trace& trace = Trace::Get();
  std::string name;
  if (trace.Inside(AT_FDCWD, path, name) == nullptr) return real(path, mode);
  const Lock lock(trace.mutex);
  struct stat status = {};
  const bool there = ::stat(path, &status) == 0;
  FILE* file = real(path, mode);
  if (file != nullptr) trace.Opened(::fileno(file), name, !there, mode[0] == 'w');
  return file;
}
FILE* fopen(const char* path, const char* mode) { return fopen64(path, mode); }
int fclose(FILE* file) {
  static const auto real = Real<int (*)(FILE*)>("fclose");
  const Lock lock(Trace::Get().mutex);
  Trace::Get().Closed(::fileno(file));
  return real(file);
}

int close(int fd) {
  static const auto real = Real<int (*)(int)>("close");
  Trace& trace = Trace::Get();
  if (!trace.on()) return real(fd);
  const Lock lock(trace.mutex);
  trace.Closed(fd);
  return real(fd);
}

int dup(int fd) {
  static const auto real = Real<int (*)(int)>("dup");
  Trace& trace = Trace::Get();
  const Lock lock(trace.mutex);
  const int copy = real(fd);
  if (copy >= 0) trace.Same(copy, fd);
  return copy;
}

ssize_t write(int fd, const void* bytes, size_t length) {
  static const auto real = Real<ssize_t (*)(int, const void*, size_t)>("write");
  Trace& trace = Trace::Get();
  if (!trace.on()) return real(fd, bytes, length);
  const Lock lock(trace.mutex);
  const uint64_t file = trace.FileOf(fd);
  if (file == 0) return real(fd, bytes, length);
  const off_t offset = PlaceOf(fd);
  const iovec part = {const_cast<void*>(bytes), length};
  return Written(file, offset, &part, 1, real(fd, bytes, length));
}

ssize_t writev(int fd, const iovec* parts, int count) {
  static const auto real = Real<ssize_t (*)(int, const iovec*, int)>("writev");
  Trace& trace = Trace::Get();
  if (!trace.on()) return real(fd, parts, count);
  const Lock lock(trace.mutex);
  const uint64_t file = trace.FileOf(fd);
  if (file == 0) return real(fd, parts, count);
  const off_t offset = PlaceOf(fd);
  return Written(file, offset, parts, count, real(fd, parts, count));
}

ssize_t pwrite(int fd, const void* bytes, size_t length, off_t offset) {
  static const auto real = Real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite64");
  Trace& trace = Trace::Get();
  if (!trace.on()) return real(fd, bytes, length, offset);
  const Lock lock(trace.mutex);
  const uint64_t file = trace.FileOf(fd);
  const ssize_t written = real(fd, bytes, length, offset);
  const iovec part = {const_cast<void*>(bytes), length};
  return file == 0 ? written : Written(file, offset, &part, 1, written);
}
ssize_t pwrite64(int fd, const void* bytes, size_t length, off_t offset) {
  return pwrite(fd, bytes, length, offset);
}

int ftruncate(int fd, off_t size) {
  static const auto real = Real<int (*)(int, off_t)>("ftruncate64");
  Trace& trace = Trace::Get();
  if (!trace.on()) return real(fd, size);
  const Lock lock(trace.mutex);
  const int result = real(fd, size);
  const uint64_t file = trace.FileOf(fd);
  if (result == 0 && file != 0) {
    trace.Put(Kind::kSize, file, static_cast<uint64_t>(size), nullptr, 0);
  }
  return result;
}
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

// Without FALLOC_FL_KEEP_SIZE a file would grow unseen: who asks for that is told to do without.
int fallocate(int fd, int mode, off_t offset, off_t length) {
  static const auto real = Real<int (*)(int, int, off_t, off_t)>("fallocate64");
  if (Trace::Get().on() && (mode & FALLOC_FL_KEEP_SIZE) == 0) {
    errno = EOPNOTSUPP;
    return -1;
  }
  return real(fd, mode, offset, length);
}
int fallocate64(int fd, int mode, off_t offset, off_t length) {
  return fallocate(fd, mode, offset, length);
}
// Files are copied by read and write, which are seen.
ssize_t sendfile(int, int, off_t*, size_t) {
  errno = EINVAL;
  return -1;
}
ssize_t sendfile64(int, int, off_t*, size_t) {
  errno = EINVAL;
  return -1;
}
ssize_t copy_file_range(int, off_t*, int, off_t*, size_t, unsigned) {
  errno = EXDEV;
  return -1;
}

int fsync(int fd) { return Synced(fd, Real<int (*)(int)>("fsync")); }
int fdatasync(int fd) { return Synced(fd, Real<int (*)(int)>("fdatasync")); }

int rename(const char* from, const char* to) {
  static const auto real = Real<int (*)(const char*, const char*)>("rename");
  return NamedTwice(Kind::kRename, AT_FDCWD, from, AT_FDCWD, to, [&] { return real(from, to); });
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  static const auto real = Real<int (*)(int, const char*, int, const char*)>("renameat");
  return NamedTwice(Kind::kRename, from_folder, from, to_folder, to,
                    [&] { return real(from_folder, from, to_folder, to); });
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  static const auto real = Real<int (*)(int, const char*, int, const char*, unsigned)>("renameat2");
  const Kind kind = (flags & RENAME_EXCHANGE) != 0 ? Kind::kExchange : Kind::kRename;
  return NamedTwice(kind, from_folder, from, to_folder, to,
                    [&] { return real(from_folder, from, to_folder, to, flags); });
}
int link(const char* from, const char* to) {
  static const auto real = Real<int (*)(const char*, const char*)>("link");
  return NamedTwice(Kind::kLink, AT_FDCWD, from, AT_FDCWD, to, [&] { return real(from, to); });
}
int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  static const auto real = Real<int (*)(int, const char*, int, const char*, int)>("linkat");
  return NamedTwice(Kind::kLink, from_folder, from, to_folder, to,
                    [&] { return real(from_folder, from, to_folder, to, flags); });
}
int unlink(const char* path) {
  static const auto real = Real<int (*)(const char*)>("unlink");
  return Named(Kind::kUnlink, AT_FDCWD, path, [&] { return real(path); });
}
int unlinkat(int folder, const char* path, int flags) {
  static const auto real = Real<int (*)(int, const char*, int)>("unlinkat");
  return Named((flags & AT_REMOVEDIR) != 0 ? Kind::kNoFolder : Kind::kUnlink, folder, path,
               [&] { return real(folder, path, flags); });
}
int remove(const char* path) {
  struct stat status = {};
  const bool folder = ::lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
  return folder ? ::rmdir(path) : unlink(path);
}
int mkdir(const char* path, mode_t mode) {
  static const auto real = Real<int (*)(const char*, mode_t)>("mkdir");
  return Named(Kind::kFolder, AT_FDCWD, path, [&] { return real(path, mode); });
}
int mkdirat(int folder, const char* path, mode_t mode) {
  static const auto real = Real<int (*)(int, const char*, mode_t)>("mkdirat");
  return Named(Kind::kFolder, folder, path, [&] { return real(folder, path, mode); });
}
int rmdir(const char* path) {
  static const auto real = Real<int (*)(const char*)>("rmdir");
  return Named(Kind::kNoFolder, AT_FDCWD, path, [&] { return real(path); });
}

}  // extern "C"
