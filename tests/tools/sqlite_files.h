#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "engine/sql/session.h"
#include "tests/support/any_sql.h"

namespace syncline::cli {

// A temporary folder with SQLite databases in it.
class SqliteFilesTest : public testing::Test {
 protected:
  SqliteFilesTest() {
    std::string pattern = testing::TempDir() + "/syncline-tools-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~SqliteFilesTest() override { std::filesystem::remove_all(folder_); }

  sql::DatabaseUrl Url(const std::string& name) const {
    return sql::DatabaseUrl::Parse("sqlite:" + name + ".db", folder_);
  }
  std::unique_ptr<sql::Session> Open(const std::string& name) const {
    return sql::Session::Open(Url(name), {.create = true});
  }
  void Execute(const std::string& name, const std::string& sql) const {
    Open(name)->Execute(test::AnySql(sql));
  }
  std::string One(const std::string& name, const std::string& sql) const {
    return Open(name)->Query(test::AnySql(sql)).rows.at(0).at(0).value_or("NULL");
  }

  std::filesystem::path folder_;
};

}  // namespace syncline::cli
