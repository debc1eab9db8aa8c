#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apply/state/quarantine.h"
#include "apply/target/quarantine_admin.h"
#include "tests/conformance/target_suite.h"

namespace syncline::apply {

class TargetQuarantine : public TargetConformance {
 protected:
  // items with a rule of each kind, and lines, which refer to items.
  void MakeStrictTables() {
    target_.Execute(
        "CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL UNIQUE "
        "CONSTRAINT short CHECK (length(name) <= 10), updated_at timestamptz)");
    target_.Execute(
        "CREATE TABLE lines (id bigint PRIMARY KEY, item bigint REFERENCES items (id), "
        "updated_at timestamptz)");
  }
  static test::SchemaPtr LinesSchema() {
    return test::MakeSchema("public.lines",
                            {{"id", Type::kInt, "bigint"},
                             {"item", Type::kInt, "bigint"},
                             {"updated_at", Type::kTimestampTz, "timestamp with time zone"}});
  }
  static Row Line(int64_t id, int64_t item) {
    return test::MakeRow({ValueView::Int(id), ValueView::Int(item), test::Stamp(1)});
  }
  static Row Nameless(int64_t id) {
    return test::MakeRow({ValueView::Int(id), ValueView::Null(), test::Stamp(1)});
  }
  std::vector<TableMapping> Mappings() const {
    return {ItemsMapping(), {.source = {"public", "lines"}, .target = target_.Table("lines")}};
  }
  static ApplyOptions WithLimit(uint64_t limit, uint64_t batch_changes = 50'000) {
    ApplyOptions options = Once();
    options.quarantine_limit = limit;
    options.batch_changes = batch_changes;
    return options;
  }
  Result ApplyAll(uint64_t limit = 1'000) { return Apply(Mappings(), WithLimit(limit)); }

  // "key reason" of what was refused, in the log's order.
  std::vector<std::string> Refused() {
    std::vector<std::string> all;
    for (const ParkedChange& parked : ListQuarantine(target_.url(), "p")) {
      if (parked.waiting_for) continue;
      all.push_back(std::to_string(parked.step.change.key[0].as_int()) + " " + parked.reason);
    }
    return all;
  }
  size_t Parked() { return ListQuarantine(target_.url(), "p").size(); }
  QuarantineAdmin Care() {
    return {.target = target_.url(),
            .tables = Mappings(),
            .source = log_.log().info().source,
            .pipeline = "p",
            .logger = test::QuietLogger()};
  }
  QuarantineResult Retry(std::vector<uint64_t> ids = {}) { return RetryQuarantined(Care(), ids); }
  std::string Count(const std::string& table) {
    return target_.Value("SELECT count(*) FROM " + table);
  }
};

}  // namespace syncline::apply
