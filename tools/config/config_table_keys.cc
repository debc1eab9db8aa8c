#include "tools/config/config_key_lists.h"

namespace syncline::cli {
namespace {

constexpr Places kTables = {kTable, kPipeline, kTwoWay, kDefaults};

constexpr uint64_t kMiB = 1u << 20;

constexpr ConfigKey kTableKeys[] = {
    {.name = "to",
     .places = {kTable},
     .form = Form::kText,
     .value = "the name of a table",
     .meaning =
         "The target's table. Without it: the same name. In a glob's, `*` stands for the source "
         "table's name.",
     .example = "other_name",
     .brief = "the target's table"},
    {.name = "key",
     .places = {kTable},
     .form = Form::kTexts,
     .value = "names of columns",
     .meaning =
         "The columns that identify a row. Without it: the primary key, else a unique key over NOT "
         "NULL columns.",
     .example = "[id]",
     .brief = "where the catalogue has no key"},
    {.name = "columns",
     .places = {kTable},
     .form = Form::kMapping,
     .value = "a mapping of columns to their names on the target",
     .meaning = "Other names on the target: `{id: source_id}` leaves `id` to the target.",
     .example = "{id: source_id}",
     .brief = "other names on the target",
     .inside = Place::kNames},
    {.name = "omit",
     .places = {kTable},
     .form = Form::kTexts,
     .value = "names of columns",
     .meaning =
         "Columns that the target does not get, neither in its table nor in what Syncline keeps "
         "beside it. A column that no pipeline wants does not leave the source.",
     .example = "[internal_note]",
     .brief = "columns that stay at the source"},
    {.name = "where",
     .places = {kTable},
     .form = Form::kText,
     .value = "an SQL condition",
     .meaning =
         "Only rows for which this condition holds at the source are captured. On PostgreSQL a "
         "name "
         "without a schema means one of the system's: write `public.f(x)`, `x::public.type`, "
         "`a OPERATOR(public.=) b`.",
     .example = "\"category < 50\"",
     .brief = "only these rows"},
    {.name = "zone",
     .places = {kTable},
     .form = Form::kText,
     .value = "a time zone, such as Europe/Berlin",
     .meaning =
         "The time zone of the table's columns that have none (`timestamp`, `date`; SQLite: all "
         "but "
         "the cursor), the cursor among them, on both sides: `Europe/Berlin`, or `UTC` for "
         "applications that store UTC whatever the database says. Without it: the one that each "
         "server, database or role has configured.",
     .example = "Europe/Berlin",
     .brief = "the time zone of columns that have none"},
    {.name = "capture",
     .places = kTables,
     .form = Form::kWord,
     .value = "cursor, xmin, compare",
     .usual = "cursor",
     .meaning =
         "How changed rows are found: [which capture method](methods.md). By `cursor` a column "
         "tells; `xmin` needs none, on PostgreSQL; by `compare` the whole table is compared with "
         "the log now and then, as in `{by: compare, every: 1h}`. The latter two are for one "
         "direction. Of `capture` and `cursor` the more specific place counts.",
     .example = "cursor",
     .brief = "how changed rows are found",
     .inside = Place::kCapture},
    {.name = "by",
     .places = {Place::kCapture},
     .form = Form::kWord,
     .value = "cursor, xmin, compare",
     .meaning = "The method. Required.",
     .example = "compare"},
    {.name = "every",
     .places = {Place::kCapture},
     .form = Form::kDuration,
     .value = kDurations,
     .usual = "1h",
     .meaning = "With `by: compare`: from the start of one look to that of the next.",
     .example = "1h",
     .least = 1},
    {.name = "cron",
     .places = {Place::kCapture},
     .form = Form::kText,
     .value = "a cron, such as \"0 */30 * * * *\"",
     .meaning = "With `by: compare`: when the table is looked at, in the place of an interval.",
     .example = "\"0 3 * * *\""},
    {.name = "cursor",
     .places = kTables,
     .form = Form::kText,
     .value = "a column, or \"coalesce(updated_at, created_at)\"",
     .meaning =
         "The column polled by: a timestamp, a date, an integer version from a sequence, or an "
         "`xid8` (the only exact one on a standby). Or two times of one type, in coalesce: the "
         "second for rows of which the first is still NULL; both have to reach the target. "
         "Required for each table with `capture: cursor`.",
     .example = "changed_at",
     .brief = "the column that every insert and update of a row moves forward"},
    {.name = "conflict",
     .places = kTables,
     .form = Form::kWord,
     .value = "latest_wins, source_wins, target_wins",
     .usual = "latest_wins",
     .meaning =
         "Which state wins when the target's row is not the one that a change follows. In two "
         "directions `latest_wins`, or `{prefer: [DATABASE, ..]}` for the pipeline. Tables without "
         "a cursor have `source_wins`, and no other.",
     .example = "source_wins",
     .brief = "when somebody else changed the target",
     .inside = Place::kConflict},
    {.name = "deletes",
     .places = kTables,
     .form = Form::kWord,
     .value = "none, soft, tombstones, reconcile",
     .usual = "none",
     .meaning =
         "How deletions are found at the source: [deletes](deletes.md). As a mapping: `{by: soft, "
         "column: deleted_at}`; `{by: tombstones, reconcile: 1d}`, which has a look now and then "
         "as "
         "well; `{by: reconcile, every: 1h, rate: 20000}`. Pipelines that share a table say the "
         "same.",
     .example = "tombstones",
     .brief = "how deletions are found at the source",
     .inside = Place::kDeletes},
    {.name = "by",
     .places = {Place::kDeletes},
     .form = Form::kWord,
     .value = "none, soft, tombstones, reconcile",
     .meaning = "The way to find deletions. Required.",
     .example = "reconcile"},
    {.name = "column",
     .places = {Place::kDeletes},
     .form = Form::kText,
     .value = "a column of the source",
     .meaning = "With `by: soft`: the column that is set on rows that count as deleted.",
     .example = "deleted_at"},
    {.name = "every",
     .places = {Place::kDeletes},
     .form = Form::kDuration,
     .value = kDurations,
     .usual = "1h",
     .meaning = "With `by: reconcile`: from the start of one round to that of the next.",
     .example = "1h",
     .least = 1},
    {.name = "reconcile",
     .places = {Place::kDeletes},
     .form = Form::kDuration,
     .value = kDurations,
     .meaning =
         "With `by: tombstones`: a round as well, from the start of one to that of the next.",
     .example = "1d",
     .least = 1},
    {.name = "cron",
     .places = {Place::kDeletes},
     .form = Form::kText,
     .value = "a cron, such as \"0 */30 * * * *\"",
     .meaning = "When a round begins, in the place of an interval.",
     .example = "\"0 3 * * *\""},
    {.name = "rate",
     .places = {Place::kDeletes},
     .form = Form::kNumber,
     .value = "a number of rows a second, such as 20000",
     .usual = "20000",
     .meaning = "How many rows a round looks at in a second.",
     .example = "20000",
     .least = 1},
    {.name = "max_deletes",
     .places = {Place::kDeletes},
     .form = Form::kText,
     .value = "a number of rows, such as 5000, or a part of the table, such as 50%",
     .usual = "50%",
     .meaning =
         "How many deletions one comparison of a table with the log may find (tables of up to 100 "
         "rows have no limit when it is a part). More stop nothing but these deletions, and are "
         "told as an error; `100%` lets them go on. It belongs to every `by`.",
     .example = "50%"},
    {.name = "on_delete",
     .places = kTables,
     .form = Form::kWord,
     .value = "delete, flag, ignore",
     .usual = "delete",
     .meaning =
         "What becomes of the target's row: it is deleted; with `{flag: deleted_at}` it stays, and "
         "that column is set; or it stays as it is.",
     .example = "ignore",
     .brief = "what becomes of the target's row",
     .inside = Place::kOnDelete},
    {.name = "flag",
     .places = {Place::kOnDelete},
     .form = Form::kText,
     .value = "a column of the target, such as deleted_at",
     .meaning = "The target's column that is set. Required.",
     .example = "deleted_at"},
    {.name = "create",
     .places = kTables,
     .form = Form::kFlag,
     .value = "true or false",
     .usual = "true",
     .meaning = "Whether target tables that are missing are made.",
     .example = "false",
     .brief = "do not make the target's table"},
    {.name = "new_columns",
     .places = kTables,
     .form = Form::kWord,
     .value = "evolve, ignore, pause",
     .usual = "evolve",
     .meaning =
         "What to do with a column that the source has, or gets later, and the target's table "
         "lacks: `evolve` adds it, `ignore` leaves it out and says so in the log, `pause` stops "
         "this "
         "pipeline with the `ALTER TABLE` that lets it go on. With `create: false` the default is "
         "`pause`.",
     .example = "pause",
     .brief = "what to do with columns that the source gets later"},
    {.name = "changed_columns",
     .places = kTables,
     .form = Form::kWord,
     .value = "pause, keep",
     .usual = "pause",
     .meaning =
         "What to do when the source drops, renames or retypes a column: `pause` stops this "
         "pipeline with the `ALTER TABLE` that lets it go on, `keep` leaves the target's column as "
         "it is and says so in the log.",
     .example = "keep",
     .brief = "what to do when the source drops or retypes a column"},
    {.name = "max_row",
     .places = kTables,
     .form = Form::kSize,
     .value = "a size from 1MiB to 128MiB",
     .usual = "64MiB",
     .meaning =
         "What a row's values may take. A larger row stays at the source until it is smaller, "
         "everything else goes on, and the pipeline counts as refusing; `status`, `log stat` and "
         "`verify` name it.",
     .example = "16MiB",
     .least = kMiB,
     .most = 128 * kMiB}};

}  // namespace

std::span<const ConfigKey> TableKeys() { return kTableKeys; }

}  // namespace syncline::cli
