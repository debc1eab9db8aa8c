#include "tools/config/config_key_lists.h"

namespace syncline::cli {
namespace {

constexpr Places kPipelines = {kPipeline, kTwoWay, kDefaults};

constexpr std::string_view kCrons = "a cron, such as \"0 */30 * * * *\"";
constexpr std::string_view kZones = "a time zone, such as Europe/Berlin";
constexpr uint64_t kSecond = 1'000'000;

constexpr ConfigKey kFileKeys[] = {
    {.name = "log",
     .places = {kTop},
     .form = Form::kText,
     .value = "a folder, such as ./syncline-log",
     .meaning =
         "The folder for the change logs: one log per source database below it, [for its user "
         "alone](security.md#who-may-look-into-a-log). Relative paths are taken from the file's "
         "folder. Required.",
     .example = "./syncline-log",
     .brief = "a folder; one log per source below it"},
    {.name = "retain",
     .places = {kTop},
     .form = Form::kMapping,
     .value = "a mapping such as {for: 7d, size: 20GiB}",
     .meaning =
         "How much history each log keeps. Older frames are folded into the last state of every "
         "row, from which targets can still be rebuilt. Without it everything is kept.",
     .example = "{for: 7d, size: 20GiB}",
     .inside = Place::kRetain},
    {.name = "databases",
     .places = {kTop},
     .form = Form::kMapping,
     .value = "a mapping of names to addresses",
     .meaning =
         "Names and addresses: `postgresql://user:password@host:port/db`, "
         "`postgresql:///db?host=/socket/dir&port=N`, `sqlite:path`. `${NAME}` takes a value from "
         "the environment, `${file:/path}` from a file: [passwords](security.md#passwords). "
         "A target may also be `jsonl:path` or `jsonl:-`: [changes as lines](lines.md). Required.",
     .example = "{shop: \"postgresql:///shop\"}",
     .brief = "${NAME} takes a secret from the environment",
     .inside = Place::kNames},
    {.name = "defaults",
     .places = {kTop},
     .form = Form::kMapping,
     .value = "a mapping",
     .meaning = "What holds for all pipelines and tables that do not say otherwise.",
     .example = "{every: 1s}",
     .inside = Place::kDefaults},
    {.name = "pipelines",
     .places = {kTop},
     .form = Form::kMapping,
     .value = "a mapping of names to pipelines",
     .meaning = "The pipelines, each under a name of its own. Required.",
     .example = "{}",
     .inside = Place::kNames},
    {.name = "from",
     .places = {kPipeline},
     .form = Form::kText,
     .value = "the name of a database under \"databases\"",
     .meaning = "The source. Required, unless there is `between`.",
     .example = "shop"},
    {.name = "to",
     .places = {kPipeline},
     .form = Form::kText,
     .value = "the name of a database under \"databases\", or jsonl:path",
     .meaning = "The target. Required, unless there is `between`. `jsonl:path` and `jsonl:-` write "
                "every change as a line, to a file or to stdout: [more](lines.md).",
     .example = "mirror"},
    {.name = "between",
     .places = {kTwoWay},
     .form = Form::kTexts,
     .value = "two databases, such as [a, b]",
     .meaning = "In the place of `from` and `to`: two databases that are both written to, "
                "[more](two-way.md).",
     .example = "[shop, mirror]"},
    {.name = "tables",
     .places = {kPipeline, kTwoWay},
     .form = Form::kMapping,
     .value = "a mapping of tables, or a list of their names",
     .meaning =
         "Names or globs; entries of their own come before globs. `public` is PostgreSQL's default "
         "schema; `*` is every schema, another glob without a schema is within `public`. Required.",
     .example = "{items: {}}",
     .brief = "names or globs; each may have:",
     .inside = Place::kNames},
    {.name = "for",
     .places = {Place::kRetain},
     .form = Form::kDuration,
     .value = kDurations,
     .meaning = "How long frames are kept. It waits for pipelines that are behind.",
     .example = "7d"},
    {.name = "size",
     .places = {Place::kRetain},
     .form = Form::kSize,
     .value = "a size such as 500MB or 20GiB",
     .meaning =
         "How many bytes of frames are kept. It does not wait for pipelines that are behind: they "
         "catch up through the folded state.",
     .example = "20GiB"}};

constexpr ConfigKey kPipelineKeys[] = {
    {.name = "every",
     .places = kPipelines,
     .form = Form::kDuration,
     .value = "a duration such as 200ms, 5s, 1m, 2h or 1d, or {min: 5ms, max: 2s}",
     .usual = "200ms",
     .meaning = "From the start of one poll to the next. As a mapping: shorter while polls find "
                "something, "
                "longer while they do not. Of several pipelines from one source, the shortest.",
     .example = "{min: 5ms, max: 2s}",
     .brief = "from one poll to the next: 200ms, 5s, 1m, 2h",
     .inside = Place::kEvery,
     .least = 1},
    {.name = "min",
     .places = {Place::kEvery},
     .form = Form::kDuration,
     .value = kDurations,
     .meaning = "The shortest interval.",
     .example = "5ms",
     .least = 1},
    {.name = "max",
     .places = {Place::kEvery},
     .form = Form::kDuration,
     .value = kDurations,
     .meaning = "The longest interval.",
     .example = "2s",
     .least = 1},
    {.name = "cron",
     .places = kPipelines,
     .form = Form::kText,
     .value = kCrons,
     .meaning = "Instead of `every`: at which times the pipeline runs, [more](schedules.md).",
     .example = "\"0 */30 * * * *\""},
    {.name = "timezone",
     .places = kPipelines,
     .form = Form::kText,
     .value = kZones,
     .usual = "UTC",
     .meaning =
         "The time zone of the crons: such as `Europe/Berlin`, or `local` for the machine's own.",
     .example = "Europe/Berlin"},
    {.name = "cron",
     .places = {Place::kRetain},
     .form = Form::kText,
     .value = kCrons,
     .meaning = "When old frames are folded, instead of at once.",
     .example = "\"0 3 * * *\""},
    {.name = "cron",
     .places = {Place::kVerify},
     .form = Form::kText,
     .value = kCrons,
     .meaning = "When the two sides are compared.",
     .example = "\"0 3 * * *\""},
    {.name = "timezone",
     .places = {Place::kRetain, Place::kVerify, Place::kDeletes, Place::kCapture},
     .form = Form::kText,
     .value = kZones,
     .meaning = "The time zone of the cron beside it. Without it: that of the pipeline, in "
                "`retain` `UTC`.",
     .example = "Europe/Berlin"},
    {.name = "retries",
     .places = kPipelines,
     .form = Form::kNumber,
     .value = "a number from 0 to 1000000",
     .meaning =
         "Trouble that may go away by itself (a lock, a server that restarts) is tried again so "
         "many times; then the pipeline stops, or its run fails. Without it: with `every` without "
         "end, with `cron` five times. Of several pipelines from one source, its capture takes the "
         "most patient.",
     .example = "5",
     .most = 1'000'000},
    {.name = "retry_intervals",
     .places = kPipelines,
     .form = Form::kTexts,
     .value = "a duration such as 200ms, 5s, 1m, 2h or 1d, a list of them, or {first: 1s, max: 5m}",
     .usual = "{first: 100ms, max: 30s}",
     .meaning =
         "How long to wait before each retry: a list, of which the last comes again and again; or "
         "a mapping, whose waits double each time, with jitter.",
     .example = "[1s, 5s, 30s]",
     .inside = Place::kRetryIntervals,
     .least = 1},
    {.name = "first",
     .places = {Place::kRetryIntervals},
     .form = Form::kDuration,
     .value = kDurations,
     .usual = "100ms",
     .meaning = "The first wait.",
     .example = "1s",
     .least = 1},
    {.name = "max",
     .places = {Place::kRetryIntervals},
     .form = Form::kDuration,
     .value = kDurations,
     .usual = "30s",
     .meaning = "The longest wait.",
     .example = "5m",
     .least = 1},
    {.name = "on_error",
     .places = kPipelines,
     .form = Form::kMapping,
     .value = "a mapping such as {command: \"...\"} or {webhook: \"https://...\"}",
     .meaning =
         "Told once when a pipeline fails, has been waiting for a minute for something to go away, "
         "or has rows refused by its target or left at its source, and once when that is over: "
         "[more](operations.md#being-told-of-trouble).",
     .example = "{command: \"true\"}",
     .inside = Place::kOnError},
    {.name = "command",
     .places = {Place::kOnError},
     .form = Form::kTexts,
     .value = "a command for a shell, or a list of them",
     .meaning = "Run by `/bin/sh`, with what happened in its environment.",
     .example = "\"true\""},
    {.name = "webhook",
     .places = {Place::kOnError},
     .form = Form::kTexts,
     .value = "a URL that begins with http:// or https://, or a list of them",
     .meaning = "Gets what happened as JSON by HTTP POST.",
     .example = "\"https://example.com/hook\""},
    {.name = "stall",
     .places = kPipelines,
     .form = Form::kDuration,
     .value = "a duration of at least 1s, such as 60s",
     .usual = "60s",
     .meaning =
         "For how long a database may be silent: no answer, and no sign that its server is at "
         "work. Then `on_error` is told, the session is given up, and the work is tried again as "
         "after a lost connection. A statement that the server is at work on may take as long as "
         "it takes. Of several pipelines that use a database, the shortest.",
     .example = "60s",
     .least = kSecond},
    {.name = "verify",
     .places = kPipelines,
     .form = Form::kDuration,
     .value = "a duration such as 200ms, 5s, 1m, 2h or 1d, or {cron: \"0 3 * * *\"}",
     .meaning =
         "When the two sides are compared, as `syncline verify` does. Rows that differ make that a "
         "failed run. Without it: never.",
     .example = "{cron: \"0 3 * * *\", timezone: Europe/Berlin}",
     .inside = Place::kVerify,
     .least = 1},
    {.name = "load",
     .places = kPipelines,
     .form = Form::kMapping,
     .value = "a mapping such as {workers: 4, rate: 50MB/s}",
     .meaning =
         "How tables that are new to the log are read. Of several pipelines from one source, the "
         "gentler.",
     .example = "{workers: 4, rate: 50MB/s}",
     .inside = Place::kLoad},
    {.name = "workers",
     .places = {Place::kLoad},
     .form = Form::kNumber,
     .value = "a number from 1 to 64",
     .usual = "1",
     .meaning =
         "So many sessions read, each one table at a time. One worker loads the tables in the "
         "order of the configuration. With more, rows of different tables mix in the log, which is "
         "not for tables whose targets refer to each other by foreign keys.",
     .example = "4",
     .least = 1,
     .most = 64},
    {.name = "rate",
     .places = {Place::kLoad},
     .form = Form::kText,
     .value = "a size each second, such as 50MB/s",
     .meaning = "Caps the row data of all workers together. Without it there is no cap.",
     .example = "50MB/s"},
    {.name = "quarantine",
     .places = kPipelines,
     .form = Form::kMapping,
     .value = "a mapping such as {limit: 1000}",
     .meaning = "What becomes of changes that the target refuses: [more](repair.md#refused-rows).",
     .example = "{limit: 1000}",
     .inside = Place::kQuarantine},
    {.name = "limit",
     .places = {Place::kQuarantine},
     .form = Form::kNumber,
     .value = "a number, such as 1000, or 0 to stop at the first refused change",
     .usual = "1000",
     .meaning = "How many changes that the target refuses may be parked before the pipeline stops.",
     .example = "1000"}};

constexpr ConfigKey kTwoWayKeys[] = {
    {.name = "max_skew",
     .places = {kTwoWay},
     .form = Form::kDuration,
     .value = kDurations,
     .usual = "10s",
     .meaning = "How far a row's stamp may be ahead of its database's clock.",
     .example = "10s"},
    {.name = "ahead",
     .places = {kTwoWay},
     .form = Form::kWord,
     .value = "cap, accept, stop",
     .usual = "cap",
     .meaning =
         "What becomes of a stamp that is further ahead, and would win until then: `cap`: it "
         "counts "
         "as made now; `accept`: as it is; `stop`: the database is not captured any more. Each "
         "with a warning.",
     .example = "cap"},
    {.name = "prefer",
     .places = {Place::kConflict},
     .form = Form::kTexts,
     .value = "databases of the pipeline",
     .meaning =
         "In a conflict the state of that database's users wins, whatever the stamps; of several "
         "the first one named.",
     .example = "[shop]"}};

}  // namespace

std::span<const ConfigKey> FileKeys() { return kFileKeys; }
std::span<const ConfigKey> PipelineKeys() { return kPipelineKeys; }
std::span<const ConfigKey> TwoWayKeys() { return kTwoWayKeys; }

}  // namespace syncline::cli
