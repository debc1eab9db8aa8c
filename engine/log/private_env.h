#pragma once

#include <rocksdb/env.h>

namespace syncline::rocks {

// RocksDB's way to files, by which it makes files and folders for this user alone (0600, 0700),
// whatever the umask: RocksDB itself has no setting for that. Lives as long as the process; of any
// thread. Private to engine/log.
rocksdb::Env* PrivateEnv();

}  // namespace syncline::rocks
