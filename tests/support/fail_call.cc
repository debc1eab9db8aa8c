// A library to be preloaded into the program under test. It counts the calls of one kind and has
// one of them fail, as the system could at any time. tests/support/failing.py drives it.
//
// SYNCLINE_FAIL_KIND  open, write, sync, rename, mmap, connect, send, recv, thread or memory
// SYNCLINE_FAIL_AT    which one fails, counted from 1; 0: none
// SYNCLINE_FAIL_NOTE  a file that holds, at the process's end, how many there were
//
// Calls are counted from the beginning of main on: before it there is nobody to tell of a failure.
// Only that one call fails: what comes after it, as a second try, works. Output to the terminal and
// what children do is not counted, nor is memory that RocksDB takes by malloc itself: its cache
// does not ask whether it was given (7.8.3, LRUCacheShard::Insert).

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

enum class Kind {
  kNone,
  kOpen,
  kWrite,
  kSync,
  kRename,
  kMmap,
  kConnect,
  kSend,
  kRecv,
  kThread,
  kMemory
};

constexpr const char* kNames[] = {"",        "open", "write", "sync",   "rename", "mmap",
                                  "connect", "send", "recv",  "thread", "memory"};

// Without constructors, and without memory of its own: it is asked before anything else runs.
std::atomic<bool> ready = false;
Kind chosen = Kind::kNone;
long place = 0;  // of the one that fails
std::atomic<long> calls = 0;
char note[4096];

// Where RocksDB's code lies.
uintptr_t rocksdb_begin = 0, rocksdb_end = 0;

int FindRocksDb(dl_phdr_info* library, size_t, void*) {
  if (std::strstr(library->dlpi_name, "librocksdb") == nullptr) return 0;
  for (int i = 0; i < library->dlpi_phnum; ++i) {
    const auto& part = library->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
    rocksdb_begin = library->dlpi_addr + part.p_vaddr;
    rocksdb_end = rocksdb_begin + part.p_memsz;
  }
  return 1;
}

template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

void Begin() {
  const char* kind = std::getenv("SYNCLINE_FAIL_KIND");
  const char* at = std::getenv("SYNCLINE_FAIL_AT");
  const char* path = std::getenv("SYNCLINE_FAIL_NOTE");
  if (kind == nullptr || at == nullptr || path == nullptr) return;
  for (int number = 1; number <= static_cast<int>(Kind::kMemory); ++number) {
    if (std::strcmp(kind, kNames[number]) == 0) chosen = static_cast<Kind>(number);
  }
  place = std::atol(at);
  std::snprintf(note, sizeof note, "%s", path);
  ::dl_iterate_phdr(FindRocksDb, nullptr);
  ::unsetenv("LD_PRELOAD");
  ready = true;
}

using Main = int (*)(int, char**, char**);
Main real_main = nullptr;

int MainFromHere(int count, char** words, char** environment) {
  Begin();
  return real_main(count, words, environment);
}

// A process that is killed leaves no note.
__attribute__((destructor)) void End() {
  if (!ready.exchange(false)) return;
  char text[32];
  const int length = std::snprintf(text, sizeof text, "%ld", calls.load());
  const int fd = Real<int(const char*, int, ...)>("open")(note, O_WRONLY | O_CREAT, 0600);
  if (fd < 0) return;
  if (Real<ssize_t(int, const void*, size_t)>("write")(fd, text, length) != length) std::abort();
  Real<int(int)>("close")(fd);
}

bool Fails(Kind kind) { return ready && kind == chosen && ++calls == place; }

bool FailsFor(const void* caller) {
  const auto at = reinterpret_cast<uintptr_t>(caller);
  return (at < rocksdb_begin || at >= rocksdb_end) && Fails(Kind::kMemory);
}

template <typename Result>
Result With(int error, Result result) {
  errno = error;
  return result;
}

// A connection that is reset has ended both ways.
ssize_t Reset(int fd) {
  ::shutdown(fd, SHUT_RDWR);
  return With<ssize_t>(ECONNRESET, -1);
}

// Neither the terminal nor a pipe to who reads the output.
bool IsFile(int fd) {
  struct stat status = {};
  return fd > STDERR_FILENO && ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

mode_t ModeOf(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

#define WITH_MODE                               \
  va_list arguments;                            \
  va_start(arguments, flags);                   \
  const mode_t mode = ModeOf(flags, arguments); \
  va_end(arguments);                            \
  if (Fails(Kind::kOpen)) return With(EMFILE, -1)

// NAME, kind, error, RESULT, (PARAMETERS), (ARGUMENTS): fails, or does what it should.
#define CALL(NAME, KIND, ERROR, RESULT, PARAMETERS, ARGUMENTS, WHERE) \
  RESULT NAME PARAMETERS {                                            \
    static auto* const real = Real<RESULT PARAMETERS>(#NAME);         \
    if (WHERE && Fails(KIND)) return With(ERROR, RESULT(-1));         \
    return real ARGUMENTS;                                            \
  }

extern "C" {

int __libc_start_main(Main main, int count, char** words, void (*init)(), void (*fini)(),
                      void (*loader_fini)(), void* stack_end) {
  static auto* const real = Real<decltype(__libc_start_main)>("__libc_start_main");
  real_main = main;
  return real(MainFromHere, count, words, init, fini, loader_fini, stack_end);
}

int open(const char* path, int flags, ...) {
  static auto* const real = Real<int(const char*, int, ...)>("open");
  WITH_MODE;
  return real(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  static auto* const real = Real<int(const char*, int, ...)>("open64");
  WITH_MODE;
  return real(path, flags, mode);
}
int openat(int folder, const char* path, int flags, ...) {
  static auto* const real = Real<int(int, const char*, int, ...)>("openat");
  WITH_MODE;
  return real(folder, path, flags, mode);
}
FILE* fopen(const char* path, const char* mode) {
  static auto* const real = Real<FILE*(const char*, const char*)>("fopen");
  return Fails(Kind::kOpen) ? With<FILE*>(EMFILE, nullptr) : real(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  static auto* const real = Real<FILE*(const char*, const char*)>("fopen64");
  return Fails(Kind::kOpen) ? With<FILE*>(EMFILE, nullptr) : real(path, mode);
}

CALL(write, Kind::kWrite, ENOSPC, ssize_t, (int fd, const void* bytes, size_t length),
     (fd, bytes, length), IsFile(fd))
CALL(writev, Kind::kWrite, ENOSPC, ssize_t, (int fd, const iovec* parts, int count),
     (fd, parts, count), IsFile(fd))
CALL(pwrite, Kind::kWrite, ENOSPC, ssize_t,
     (int fd, const void* bytes, size_t length, off_t offset), (fd, bytes, length, offset),
     IsFile(fd))
CALL(pwrite64, Kind::kWrite, ENOSPC, ssize_t,
     (int fd, const void* bytes, size_t length, off64_t offset), (fd, bytes, length, offset),
     IsFile(fd))
CALL(fsync, Kind::kSync, EIO, int, (int fd), (fd), true)
CALL(fdatasync, Kind::kSync, EIO, int, (int fd), (fd), true)
CALL(rename, Kind::kRename, EIO, int, (const char* from, const char* to), (from, to), true)
CALL(renameat2, Kind::kRename, EIO, int,
     (int from_folder, const char* from, int to_folder, const char* to, unsigned flags),
     (from_folder, from, to_folder, to, flags), true)
CALL(connect, Kind::kConnect, ECONNREFUSED, int,
     (int fd, const sockaddr* address, socklen_t length), (fd, address, length), true)
ssize_t send(int fd, const void* bytes, size_t length, int flags) {
  static auto* const real = Real<ssize_t(int, const void*, size_t, int)>("send");
  return Fails(Kind::kSend) ? Reset(fd) : real(fd, bytes, length, flags);
}
ssize_t recv(int fd, void* bytes, size_t length, int flags) {
  static auto* const real = Real<ssize_t(int, void*, size_t, int)>("recv");
  return Fails(Kind::kRecv) ? Reset(fd) : real(fd, bytes, length, flags);
}

void* mmap(void* at, size_t length, int protection, int flags, int fd, off_t offset) {
  static auto* const real = Real<void*(void*, size_t, int, int, int, off_t)>("mmap");
  return Fails(Kind::kMmap) ? With(ENOMEM, MAP_FAILED)
                            : real(at, length, protection, flags, fd, offset);
}
void* mmap64(void* at, size_t length, int protection, int flags, int fd, off64_t offset) {
  static auto* const real = Real<void*(void*, size_t, int, int, int, off64_t)>("mmap64");
  return Fails(Kind::kMmap) ? With(ENOMEM, MAP_FAILED)
                            : real(at, length, protection, flags, fd, offset);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) {
  static auto* const real =
      Real<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create");
  return Fails(Kind::kThread) ? EAGAIN : real(thread, attributes, start, argument);
}

// The C library's own names for it: dlsym takes memory itself.
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);

void* malloc(size_t size) {
  return FailsFor(__builtin_return_address(0)) ? With<void*>(ENOMEM, nullptr) : __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  return FailsFor(__builtin_return_address(0)) ? With<void*>(ENOMEM, nullptr)
                                               : __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
  return FailsFor(__builtin_return_address(0)) ? With<void*>(ENOMEM, nullptr)
                                               : __libc_realloc(old, size);
}

}  // extern "C"
