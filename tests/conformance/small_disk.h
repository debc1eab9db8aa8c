#pragma once

#include <filesystem>

#include "tests/apply/test_log.h"

namespace syncline::test {

// A file system of a few megabytes of its own, which can be filled up and given room again.
// Mounting it takes root; the server of MiniPostgres may write there.
class SmallDisk {
 public:
  static bool MayMount();

  SmallDisk();
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::filesystem::path& path() const { return folder_.path(); }
  // Leaves not a byte.
  void Fill();
  void Free();

 private:
  TempFolder folder_;
};

}  // namespace syncline::test
