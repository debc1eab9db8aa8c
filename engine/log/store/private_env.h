#pragma once

#include <rocksdb/env.h>

#include <stop_token>
#include <string>

namespace syncline::rocks {

// RocksDB's way to files, by which it makes files and folders for this user alone (0600, 0700),
// whatever the umask: RocksDB itself has no setting for that. Lives as long as the process; of any
// thread. Private to engine/log.
rocksdb::Env* PrivateEnv();

// While it lives, its thread makes no file of PrivateEnv's whose path begins with `prefix` from the
// stop on: RocksDB, which has no way to be stopped there, gets an error that says so. One at a time
// on a thread.
class NoFilesAfter {
 public:
  NoFilesAfter(std::stop_token stop, std::string prefix);
  ~NoFilesAfter();
  NoFilesAfter(const NoFilesAfter&) = delete;
  NoFilesAfter& operator=(const NoFilesAfter&) = delete;

  bool Forbids(const std::string& file) const;

 private:
  const std::stop_token stop_;
  const std::string prefix_;
};

}  // namespace syncline::rocks
