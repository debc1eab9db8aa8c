#include "tools/config/config_keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "tools/config/config.h"

namespace syncline::cli {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr Place kOuter[] = {Place::kTable, Place::kPipeline, Place::kTwoWayPipeline, Place::kTop,
                            Place::kDefaults};

using Entries = std::vector<std::pair<std::string, std::string>>;

void Set(Entries& entries, std::string_view name, std::string_view value) {
  for (auto& [key, old] : entries) {
    if (key == name) {
      old = value;
      return;
    }
  }
  entries.emplace_back(name, value);
}

std::string Mapping(const Entries& entries) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : entries) parts.push_back(key + ": " + value);
  return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

// A configuration without mistakes, but for one key at one of the outer places.
std::string With(Place place, std::string_view name, std::string_view value) {
  Entries table, pipeline;
  if (place == Place::kTwoWayPipeline) {
    pipeline = {{"between", "[shop, mirror]"}};
  } else {
    pipeline = {{"from", "shop"}, {"to", "mirror"}};
  }
  if (place == Place::kTable) Set(table, name, value);
  Set(pipeline, "tables", "{items: " + Mapping(table) + "}");
  if (place == Place::kPipeline || place == Place::kTwoWayPipeline) Set(pipeline, name, value);
  Entries defaults = {{"cursor", "updated_at"}};
  if (place == Place::kDefaults) Set(defaults, name, value);
  Entries top = {{"log", "./log"},
                 {"databases", "{shop: 'sqlite:shop.db', mirror: 'sqlite:mirror.db'}"},
                 {"defaults", Mapping(defaults)},
                 {"pipelines", "{way: " + Mapping(pipeline) + "}"}};
  if (place == Place::kTop) Set(top, name, value);
  return Mapping(top);
}

// The same without the key.
std::string Without(Place place) {
  const bool two_way = place == Place::kTwoWayPipeline;
  return With(two_way ? place : Place::kPipeline, "tables", "{items: {}}");
}

std::string KeyMessageFor(const std::string& text) {
  try {
    ParseConfig(text, "/etc/sync/syncline.yaml");
  } catch (const Error& error) {
    return error.message();
  }
  return "no mistake was found";
}

// What a key of a mapping needs beside it.
Entries Companions(Place place, std::string_view name) {
  if (place == Place::kRetain) return {{"for", "7d"}};
  if (place == Place::kEvery) return {{"min", "5ms"}, {"max", "2s"}};
  if (place == Place::kVerify) return {{"cron", "'0 3 * * *'"}};
  if (place == Place::kCapture) return {{"by", "compare"}};
  if (place != Place::kDeletes) return {};
  if (name == "column") return {{"by", "soft"}};
  if (name == "reconcile") return {{"by", "tombstones"}};
  return {{"by", "reconcile"}};
}

// A configuration with a key of a mapping, at the first place that may have that mapping.
std::string Inside(const ConfigKey& mapping, const ConfigKey& key, std::string_view value) {
  Entries entries = Companions(mapping.inside, key.name);
  Set(entries, key.name, value);
  const Place place = mapping.inside == Place::kConflict ? Place::kTwoWayPipeline
                      : mapping.IsAt(Place::kTop)        ? Place::kTop
                      : mapping.IsAt(Place::kDefaults)   ? Place::kDefaults
                                                         : Place::kTable;
  return With(place, mapping.name, Mapping(entries));
}

// The keys that every configuration here has anyway.
bool IsFrame(const ConfigKey& key) {
  return key.name == "databases" || key.name == "defaults" || key.name == "pipelines";
}

// Fails when the parser does not ask for a key of the table, or the table lacks a key of the
// parser: seen with `zone` not asked for; taken out of the table, the parser's own check ends it.
TEST(ConfigKeysTest, EveryExampleIsUnderstoodWhereverItsKeyMayStand) {
  for (const ConfigKey& key : ConfigKeys()) {
    if (IsFrame(key)) continue;
    for (const Place place : kOuter) {
      if (!key.IsAt(place)) continue;
      const std::string message = KeyMessageFor(With(place, key.name, key.example));
      // Some values have no meaning in two directions, which is told of the table.
      if (place == Place::kTwoWayPipeline && (key.name == "conflict" || key.name == "on_delete")) {
        EXPECT_THAT(message, HasSubstr("which has two directions")) << key.name;
      } else {
        EXPECT_EQ(message, "no mistake was found") << key.name << " of " << NameOf(place);
      }
    }
    for (const ConfigKey& mapping : ConfigKeys()) {
      if (mapping.inside <= Place::kDefaults || !key.IsAt(mapping.inside)) continue;
      EXPECT_EQ(KeyMessageFor(Inside(mapping, key, key.example)), "no mistake was found")
          << key.name << " of " << mapping.name;
    }
  }
}

// Fails when a key is taken where the manual does not have it.
TEST(ConfigKeysTest, AKeyIsRefusedWhereverItMayNotStand) {
  for (const ConfigKey& key : ConfigKeys()) {
    if (IsFrame(key) || key.name == "between") continue;
    for (const Place place : kOuter) {
      if (FindKey(key.name, place) != nullptr) continue;
      EXPECT_THAT(KeyMessageFor(With(place, key.name, key.example)),
                  AnyOf(HasSubstr(fmt::format("\"{}\" belongs to ", key.name)),
                        HasSubstr(fmt::format("unknown key \"{}\"", key.name))))
          << key.name << " of " << NameOf(place);
    }
  }
}

// Fails when the table's words and the parser's are not the same.
TEST(ConfigKeysTest, EveryWordIsUnderstood) {
  for (const ConfigKey& key : ConfigKeys()) {
    if (key.form != Form::kWord) continue;
    for (const std::string& word : key.Words()) {
      for (const Place place : kOuter) {
        if (!key.IsAt(place)) continue;
        EXPECT_THAT(KeyMessageFor(With(place, key.name, word)), Not(HasSubstr("value"))) << word;
      }
    }
  }
}

// Fails when a key takes anything, or when the message does not say what the table says.
TEST(ConfigKeysTest, AWrongValueIsToldWithWhatItHasToBe) {
  for (const ConfigKey& key : ConfigKeys()) {
    if (key.form == Form::kText || key.form == Form::kTexts || key.form == Form::kMapping) continue;
    for (const Place place : kOuter) {
      if (!key.IsAt(place)) continue;
      EXPECT_THAT(KeyMessageFor(With(place, key.name, "wrong")), HasSubstr(std::string(key.value)));
    }
    for (const ConfigKey& mapping : ConfigKeys()) {
      if (mapping.inside <= Place::kDefaults || !key.IsAt(mapping.inside)) continue;
      EXPECT_THAT(KeyMessageFor(Inside(mapping, key, "wrong")), HasSubstr(std::string(key.value)));
    }
  }
}

std::string Told(const capture::Deletes& deletes) {
  std::string text = fmt::format("{} {} {}{}", deletes.flag, deletes.tombstones,
                                 deletes.max_deletes.number, deletes.max_deletes.is_percentage);
  if (deletes.reconcile) {
    text += fmt::format(" {} {} {}", deletes.reconcile->every.count(), deletes.reconcile->rate,
                        deletes.reconcile->at.has_value());
  }
  return text;
}

// All that the defaults decide.
std::vector<std::string> Told(const Config& config) {
  std::vector<std::string> told;
  for (const PipelineConfig& pipeline : config.pipelines) {
    const Backoff::Options& retry = pipeline.schedule.retry;
    told.push_back(fmt::format(
        "every {} {} load {} {} quarantine {} zone {} cron {} verify {} retry {} {} {} {} hooks {} "
        "stall {}",
        pipeline.every.least.count(), pipeline.every.most.count(), pipeline.load.workers,
        pipeline.load.bytes_per_second, pipeline.quarantine_limit, pipeline.schedule.zone,
        pipeline.schedule.at.has_value(), pipeline.schedule.verify.has_value(), retry.first.count(),
        retry.most.count(), retry.waits.size(), retry.retries.value_or(-1),
        pipeline.schedule.on_error.empty(), pipeline.schedule.stall.count()));
    if (pipeline.two_way) {
      told.push_back(fmt::format("skew {} ahead {}", pipeline.two_way->max_skew.count(),
                                 static_cast<int>(pipeline.two_way->ahead)));
    }
    for (const TableRule& rule : pipeline.tables) {
      told.push_back(fmt::format(
          "conflict {} deletes {} on_delete {} create {} new {} changed {} max_row {}",
          static_cast<int>(rule.conflict), Told(rule.deletes),
          static_cast<int>(rule.on_delete.action), rule.create, static_cast<int>(rule.new_columns),
          static_cast<int>(rule.changed_columns), rule.max_row));
    }
  }
  return told;
}

std::vector<std::string> ToldOf(const std::string& text) {
  return Told(ParseConfig(text, "/etc/sync/syncline.yaml"));
}

// Fails when the manual promises another default than the program has: seen with "61s" for `stall`.
TEST(ConfigKeysTest, WhatHoldsWithoutAKeyIsItsUsualValue) {
  for (const ConfigKey& key : ConfigKeys()) {
    if (key.usual.empty()) continue;
    for (const Place place : kOuter) {
      if (!key.IsAt(place)) continue;
      EXPECT_EQ(ToldOf(With(place, key.name, key.usual)), ToldOf(Without(place))) << key.name;
    }
    for (const ConfigKey& mapping : ConfigKeys()) {
      if (mapping.inside <= Place::kDefaults || !key.IsAt(mapping.inside)) continue;
      Entries without = Companions(mapping.inside, key.name);
      if (without.empty()) continue;
      const Place place = mapping.IsAt(Place::kTop) ? Place::kTop : Place::kDefaults;
      EXPECT_EQ(ToldOf(Inside(mapping, key, key.usual)),
                ToldOf(With(place, mapping.name, Mapping(without))))
          << key.name << " of " << mapping.name;
    }
  }
  for (const char* usual : {"load: {workers: 1}", "quarantine: {limit: 1000}",
                            "retry_intervals: {first: 100ms}", "retry_intervals: {max: 30s}"}) {
    const std::string text(usual);
    const size_t colon = text.find(':');
    EXPECT_EQ(ToldOf(With(Place::kDefaults, text.substr(0, colon), text.substr(colon + 1))),
              ToldOf(Without(Place::kPipeline)))
        << usual;
  }
}

TEST(ConfigKeysTest, AKeyOfAnotherPlaceIsToldWhereItBelongs) {
  EXPECT_EQ(BelongsTo("every", Place::kTable),
            "belongs to a pipeline or to defaults, not to a table: one poll reads all tables of a "
            "source in one snapshot");
  EXPECT_EQ(BelongsTo("retain", Place::kPipeline),
            "belongs to the top of the file, not to a pipeline");
  EXPECT_EQ(BelongsTo("max_skew", Place::kPipeline),
            "belongs to a pipeline with \"between\", not to a pipeline");
  EXPECT_EQ(BelongsTo("workers", Place::kPipeline), "");
  EXPECT_THAT(KeysAt(Place::kQuarantine), ElementsAre("limit"));
}

}  // namespace
}  // namespace syncline::cli
