#pragma once

#include <filesystem>

namespace syncline::cli {

// The folder that a demo works in: new, or left by an earlier demo (a marker file tells), whose
// files are removed and no others. All functions throw EnvironmentError when the file system
// refuses. Threads: one.
class DemoFolder {
 public:
  // Throws UsageError when the folder holds something that no demo made.
  explicit DemoFolder(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config_file() const;
  std::filesystem::path shop() const { return path_ / "shop.db"; }
  // Writes the configuration that the demo, and the commands tried after it, run by.
  void WriteConfig() const;

 private:
  std::filesystem::path path_;
};

}  // namespace syncline::cli
