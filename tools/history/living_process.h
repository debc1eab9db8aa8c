#pragma once

#include <cstdint>
#include <filesystem>

namespace syncline::cli {

// Tells processes that live from those that do not: each holds the lock of one byte of a file, at
// its own number, for as long as it lives; the kernel lets go of it however the process ends. So it
// works between containers, and after a restart of the machine. Owns the file's descriptor; belongs
// to one thread at a time.
class LivingProcess {
 public:
  // Throws EnvironmentError.
  explicit LivingProcess(const std::filesystem::path& file);
  ~LivingProcess();
  LivingProcess(const LivingProcess&) = delete;
  LivingProcess& operator=(const LivingProcess&) = delete;

  // From now on this process is the one of that number, which nobody else has.
  void Be(int64_t number);
  // 0: none yet.
  int64_t number() const { return number_; }
  bool IsAlive(int64_t number) const;

 private:
  int file_ = -1;
  int64_t number_ = 0;
};

}  // namespace syncline::cli
