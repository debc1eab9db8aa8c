// Any text as a configuration file.
#include <string>

#include "tests/fuzz/fuzz_target.h"
#include "tools/config/config.h"

namespace syncline::fuzz {
namespace {

constexpr char kFile[] = "/nowhere/syncline.yaml";

// Everything in it can be found by its name.
void Use(const cli::Config& config) {
  for (const std::string& name : config.DatabaseNames()) {
    SYNCLINE_CHECK_EQ(config.Database(name).name, name);
  }
  for (const std::string& name : config.PipelineNames()) {
    const cli::PipelineConfig& pipeline = config.Pipeline(name);
    SYNCLINE_CHECK_EQ(pipeline.name, name);
    config.Database(pipeline.from);
    config.Database(pipeline.to);
    SYNCLINE_CHECK(!config.Named({name}).empty());
    for (const cli::TableRule& rule : pipeline.tables) SYNCLINE_CHECK(!rule.pattern.empty());
  }
}

}  // namespace

std::vector<Seed> Seeds() {
  return {
      {"small", R"yaml(log: ./log
databases: {a: "sqlite:a.db", b: "postgresql://u@h/db"}
pipelines: {p: {from: a, to: b, tables: {t: {}}}}
)yaml"},
      {"keys", R"yaml(log: {folder: ./log, retain: {keep: 7d, size: 1GiB}}
databases:
  a: sqlite:a.db
  b: sqlite:b.db
defaults: {cursor: updated_at, every: 200ms, quarantine: 10, deletes: {by: reconcile}}
pipelines:
  p:
    from: a
    to: b
    every: "0 */30 * * * *"
    tables:
      "*": {omit: [x], where: "a > 1", on_delete: {flag: gone}}
      t: {to: u, key: [id], cursor: "coalesce(u, c)", columns: {a: b}, conflict: source_wins}
)yaml"},
      {"two_way", R"yaml(databases: {a: "sqlite:a.db", b: "sqlite:b.db"}
pipelines: {p: {between: [a, b], tables: [t]}}
)yaml"},
      {"text", "a: &x [*x, ${HOME}, $${y}, !!binary aGk=, |\n  block\n]\n"},
  };
}

}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace syncline::fuzz;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto config = Decoded([&] { return syncline::cli::ParseConfig(text, kFile); })) {
    Use(*config);
  }
  return 0;
}
