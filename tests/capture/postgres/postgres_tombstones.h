#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "tests/capture/postgres/postgres_capture.h"
#include "tests/capture/tombstone_fixture.h"

namespace syncline::capture {

class PostgresTombstonesTest : public PostgresCaptureTest {
 protected:
  static TableSpec Items() { return WithTombstones(Spec(kItems, "updated_at")); }

  std::unique_ptr<CaptureHarness> Start(const TableSpec& spec = Items()) {
    InstallTombstones(*writer_, spec, "reader");
    CaptureOptions options;
    options.margin = Microseconds(0);
    options.load.range_rows = 2;
    return std::make_unique<CaptureHarness>(Source(), std::vector{spec}, options);
  }
  // The keys of the rows that are there, by the log.
  static std::string Keys(const CaptureHarness& capture) {
    std::string keys;
    for (const auto& [key, row] : capture.Logged(kItems)) keys += (keys.empty() ? "" : " ") + key;
    return keys;
  }
  static void ExpectStop(const std::string& text, const std::function<void()>& body) {
    try {
      body();
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.reaction(), Reaction::kStop) << error.message();
      EXPECT_NE((error.message() + error.hint()).find(text), std::string::npos) << error.message();
    }
  }
};

}  // namespace syncline::capture
