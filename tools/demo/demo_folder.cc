#include "tools/demo/demo_folder.h"

#include <fmt/format.h>

#include <fstream>

#include "engine/base/error.h"
#include "engine/base/private_folder.h"
#include "tools/config/config.h"

namespace syncline::cli {
namespace {

constexpr const char* kMarker = ".syncline-demo";

// Everything that a demo makes, and what its closing words suggest to make. The marker goes last.
constexpr const char* kOurs[] = {"shop.db",      "shop.db-wal",      "shop.db-shm",
                                 "mirror.db",    "mirror.db-wal",    "mirror.db-shm",
                                 "rebuilt.db",   "rebuilt.db-wal",   "rebuilt.db-shm",
                                 "syncline-log", kDefaultConfigFile, kMarker};

constexpr const char* kConfig = R"(# Made by `syncline demo`.
log: ./syncline-log
databases:
  shop: sqlite:shop.db
  mirror: sqlite:mirror.db
defaults: {every: 50ms, cursor: updated_at, conflict: latest_wins, deletes: none}
pipelines:
  shop-to-mirror:
    from: shop
    to: mirror
    tables:
      "*": {}          # all four of them; keys come from the catalogue
)";

template <typename Body>
void OnDisk(const std::filesystem::path& folder, Body body) {
  try {
    body();
  } catch (const std::filesystem::filesystem_error& error) {
    throw EnvironmentError(
        fmt::format("the demo's folder {}: {}", folder.string(), error.code().message()),
        "--dir DIR chooses another place");
  }
}

void Write(const std::filesystem::path& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary);
  if (!(out << text) || !out.flush()) {
    throw EnvironmentError(fmt::format("cannot write {}", file.string()),
                           "--dir DIR chooses another place");
  }
}

}  // namespace

DemoFolder::DemoFolder(std::filesystem::path path) : path_(std::move(path)) {
  OnDisk(path_, [this] {
    if (std::filesystem::exists(path_ / kMarker)) {
      for (const char* name : kOurs) std::filesystem::remove_all(path_ / name);
    } else if (std::filesystem::exists(path_) && !std::filesystem::is_empty(path_)) {
      throw UsageError(fmt::format("{} holds something that no demo has made", path_.string()),
                       "--dir DIR chooses another place");
    }
    MakePrivateFolder(path_);
  });
  Write(path_ / kMarker, "The next `syncline demo` here removes what this one has made.\n");
}

std::filesystem::path DemoFolder::config_file() const { return path_ / kDefaultConfigFile; }

void DemoFolder::WriteConfig() const { Write(config_file(), kConfig); }

}  // namespace syncline::cli
