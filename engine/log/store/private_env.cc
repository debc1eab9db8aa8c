#include "engine/log/store/private_env.h"

#include <rocksdb/file_system.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

namespace syncline::rocks {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

thread_local const NoFilesAfter* stops = nullptr;  // of this thread

// A file is open to nobody else before its mode is set, because the folder that it is made in is
// this user's alone.
class PrivateFileSystem : public rocksdb::FileSystemWrapper {
 public:
  PrivateFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "PrivateFileSystem"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* debug) override {
    if (stops != nullptr && stops->Forbids(name))
      return IOStatus::Aborted("stopped before " + name);
    return Close(name, kFile, FileSystemWrapper::NewWritableFile(name, options, result, debug));
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext* debug) override {
    return Close(name, kFile, FileSystemWrapper::ReopenWritableFile(name, options, result, debug));
  }
  IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                             const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                             IODebugContext* debug) override {
    return Close(name, kFile,
                 FileSystemWrapper::ReuseWritableFile(name, old_name, options, result, debug));
  }
  IOStatus NewRandomRWFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                           IODebugContext* debug) override {
    return Close(name, kFile, FileSystemWrapper::NewRandomRWFile(name, options, result, debug));
  }
  IOStatus CreateDir(const std::string& name, const IOOptions& options,
                     IODebugContext* debug) override {
    return Close(name, kFolder, FileSystemWrapper::CreateDir(name, options, debug));
  }
  IOStatus LockFile(const std::string& name, const IOOptions& options, rocksdb::FileLock** lock,
                    IODebugContext* debug) override {
    return Close(name, kFile, FileSystemWrapper::LockFile(name, options, lock, debug));
  }

 private:
  static constexpr mode_t kFile = 0600, kFolder = 0700;

  // To others, where it could be made.
  static IOStatus Close(const std::string& name, mode_t mode, IOStatus made) {
    if (made.ok() && ::chmod(name.c_str(), mode) != 0) {
      return IOStatus::IOError("chmod of " + name, std::strerror(errno));
    }
    return made;
  }
};

}  // namespace

NoFilesAfter::NoFilesAfter(std::stop_token stop, std::string prefix)
    : stop_(std::move(stop)), prefix_(std::move(prefix)) {
  stops = this;
}

NoFilesAfter::~NoFilesAfter() { stops = nullptr; }

bool NoFilesAfter::Forbids(const std::string& file) const {
  return stop_.stop_requested() && file.starts_with(prefix_);
}

rocksdb::Env* PrivateEnv() {
  static rocksdb::Env* const env =
      rocksdb::NewCompositeEnv(std::make_shared<PrivateFileSystem>()).release();
  return env;
}

}  // namespace syncline::rocks
