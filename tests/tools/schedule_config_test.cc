#include "tools/config/schedule_config.h"

#include <gmock/gmock.h>

#include <chrono>

#include "engine/base/error.h"
#include "tools/config/config.h"
#include "tools/config/plan.h"

namespace syncline::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

// `defaults` and the keys of the only pipeline besides its databases.
std::string Text(const std::string& defaults, const std::string& pipeline) {
  return "log: ./log\ndatabases: {shop: 'sqlite:shop.db', mirror: 'sqlite:mirror.db'}\n"
         "defaults: {cursor: updated_at" +
         defaults + "}\npipelines: {way: {from: shop, to: mirror, tables: [items]" + pipeline +
         "}}\n";
}
Config Parse(const std::string& defaults, const std::string& pipeline) {
  return ParseConfig(Text(defaults, pipeline), "syncline.yaml");
}
ScheduleConfig Schedule(const std::string& defaults, const std::string& pipeline) {
  return Parse(defaults, pipeline).pipelines.at(0).schedule;
}
std::string ScheduleMessageFor(const std::string& defaults, const std::string& pipeline) {
  try {
    Parse(defaults, pipeline);
  } catch (const Error& error) {
    return error.message();
  }
  return "accepted";
}

Timetable At(const std::string& cron, const std::string& zone) {
  return Timetable::At(Cron::Parse(cron), zone);
}

TEST(ScheduleConfigTest, ACronHasAZoneAndIsUtcWithoutOne) {
  EXPECT_EQ(Schedule("", ", cron: '0 */30 * * * *'").at, At("0 */30 * * * *", "UTC"));
  EXPECT_EQ(Schedule(", timezone: Europe/Berlin", ", cron: '@daily'").at,
            At("@daily", "Europe/Berlin"));
  EXPECT_EQ(Schedule(", cron: '@daily'", ", timezone: Europe/Berlin").at,
            At("@daily", "Europe/Berlin"));
}

// Fails when a pipeline's own interval does not beat a cron of the defaults, or the other way
// round.
TEST(ScheduleConfigTest, APipelineBeatsTheDefaults) {
  EXPECT_FALSE(Schedule(", cron: '@daily'", ", every: 1s").at);
  EXPECT_TRUE(Schedule(", every: 1s", ", cron: '@daily'").at);
  EXPECT_THAT(ScheduleMessageFor("", ", cron: '@daily', every: 1s"),
              HasSubstr("exclude each other"));
}

TEST(ScheduleConfigTest, RetriesAndTheirIntervals) {
  const Backoff::Options usual = Schedule("", "").retry;
  EXPECT_FALSE(usual.retries);
  const Backoff::Options steps = Schedule("", ", retries: 5, retry_intervals: [1s, 5s]").retry;
  EXPECT_EQ(steps.retries, 5);
  EXPECT_THAT(steps.waits, ElementsAre(1s, 5s));
  const Backoff::Options growing =
      Schedule(", retry_intervals: [1s]", ", retry_intervals: {first: 2s, max: 5m}").retry;
  EXPECT_TRUE(growing.waits.empty());
  EXPECT_EQ(growing.first, 2s);
  EXPECT_EQ(growing.most, 5min);
  EXPECT_THAT(ScheduleMessageFor("", ", retries: many"), HasSubstr("a number from 0"));
  EXPECT_THAT(ScheduleMessageFor("", ", retry_intervals: [soon]"), HasSubstr("a duration such as"));
}

TEST(ScheduleConfigTest, HooksVerifyReconcileAndRetain) {
  const ScheduleConfig schedule =
      Schedule("", ", on_error: {command: beep, webhook: ['http://a', 'https://b']}, verify: 1d");
  EXPECT_THAT(schedule.on_error.commands, ElementsAre("beep"));
  EXPECT_THAT(schedule.on_error.webhooks, ElementsAre("http://a", "https://b"));
  EXPECT_EQ(schedule.verify, Timetable::Every(24h));
  EXPECT_EQ(Schedule("", ", timezone: Europe/Berlin, verify: {cron: '@daily'}").verify,
            At("@daily", "Europe/Berlin"));
  const Config reconciled =
      Parse(", timezone: Europe/Berlin", ", deletes: {by: reconcile, cron: '0 3 * * *'}");
  EXPECT_EQ(reconciled.pipelines[0].tables[0].deletes.reconcile->at,
            At("0 3 * * *", "Europe/Berlin"));
  const Config retained = ParseConfig(
      Text("", "") + "retain: {for: 7d, cron: '0 4 * * *', timezone: America/New_York}\n",
      "s.yaml");
  EXPECT_EQ(retained.retain_at, At("0 4 * * *", "America/New_York"));
  EXPECT_THAT(ScheduleMessageFor("", ", on_error: {webhook: 'ftp://a'}"), HasSubstr("http://"));
  EXPECT_THAT(ScheduleMessageFor("", ", on_error: {}"), HasSubstr("needs somebody to tell"));
  EXPECT_THAT(ScheduleMessageFor("", ", verify: {}"), HasSubstr("needs a time"));
}

TEST(ScheduleConfigTest, MistakesNameTheKey) {
  EXPECT_THAT(ScheduleMessageFor("", ", cron: '0 25 * * *'"),
              HasSubstr("\"cron\": cron \"0 25 * * *\""));
  EXPECT_THAT(ScheduleMessageFor("", ", timezone: Mars/Base"),
              HasSubstr("\"timezone\": the time zone"));
  EXPECT_THAT(ScheduleMessageFor("", ", deletes: {by: soft, column: x, cron: '@daily'}"),
              HasSubstr("belongs to what reconciles"));
  EXPECT_THAT(ScheduleMessageFor("", ", deletes: {by: reconcile, every: 1h, cron: '@daily'}"),
              HasSubstr("takes the place"));
}

// Fails when a cron pipeline's default interval makes its source be polled again and again.
TEST(ScheduleConfigTest, ASourceIsPolledAgainAndAgainOnlyIfAPipelineWantsThat) {
  const Plan by_clock = MakePlan(Parse("", ", cron: '@daily', retries: 2"), {});
  EXPECT_FALSE(by_clock.sources.at(0).polls);
  EXPECT_EQ(by_clock.sources.at(0).retry.retries, 2);
  EXPECT_TRUE(MakePlan(Parse("", ", every: 1s"), {}).sources.at(0).polls);
}

}  // namespace
}  // namespace syncline::cli
