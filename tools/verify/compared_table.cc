#include "tools/verify/compared_table.h"

#include <algorithm>
#include <optional>

#include "apply/plan/apply_plan.h"
#include "apply/plan/moment_fit.h"
#include "apply/plan/moment_parts.h"
#include "capture/plan/capture_plan.h"
#include "engine/model/same_value.h"
#include "engine/model/value_text.h"
#include "engine/sql/dialect.h"
#include "engine/sql/sql_dialect.h"
#include "engine/sql/time_zone.h"

namespace syncline::cli {
namespace {

std::vector<std::string> NamesOf(const TableSchema& schema) {
  std::vector<std::string> names;
  for (const uint32_t column : schema.key) names.push_back(schema.columns[column].name);
  return names;
}

// What is held in a column of this type, where types bind nobody, may have another form than the
// canonical one: '2026-01-31 12:00:00' as a timestamp, 5 as a decimal.
bool MayHaveForms(const Column& column) {
  switch (column.type) {
    case Type::kDate:
    case Type::kTime:
    case Type::kTimestamp:
    case Type::kTimestampTz:
    case Type::kDecimal:
    case Type::kOther:
      return true;
    default:
      return false;
  }
}

bool IsDirect(const Column& source, Dialect from, const Column& target, Dialect to) {
  if (sql::DeclaredType(target.native_type, to) != sql::ColumnTypeFor(source, from, to))
    return false;
  return from == to || sql::DialectOf(from).can().has_typed_values || !MayHaveForms(source);
}

// Whether a row is not flagged as deleted, by the rules of soft deletion and of `on_delete`.
sql::Sql IsNotSet(const Column& flag, Dialect dialect) {
  const sql::Sql name = sql::Quote(flag.name);
  if (flag.type != Type::kBool && flag.type != Type::kInt) return name + " IS NULL";
  const bool truth = flag.type == Type::kBool && sql::DialectOf(dialect).can().has_booleans;
  return truth ? sql::Format("NOT coalesce({}, FALSE)", name)
               : sql::Format("coalesce({}, 0) = 0", name);
}

// A value of another type with the same text.
void AppendAs(Type type, ValueView value, Row& row) {
  if (value.is_null() || value.type() == type) return row.Append(value);
  if (HoldsString(type) && HoldsString(value.type()) && type != Type::kUuid &&
      type != Type::kBytes && value.type() != Type::kUuid && value.type() != Type::kBytes) {
    return row.Append(ValueView::OfString(type, value.as_string()));
  }
  if (const std::optional<Value> same = FromText(type, ToText(value))) return row.Append(*same);
  row.Append(value);
}

}  // namespace

bool IsNamed(const TableName& table, const std::string& name) {
  return name.empty() || table.ToString() == name || table.name == name;
}

std::vector<std::string> ComparedTable::SourceKeyNames() const { return NamesOf(*schema); }
std::vector<std::string> ComparedTable::TargetKeyNames() const { return NamesOf(target); }

ComparedTable DescribeCompared(sql::Session& source, sql::Session& target,
                               const capture::TableSpec& spec, const apply::TableMapping& mapping,
                               const capture::KnownKinds& known) {
  const capture::CapturePlan captured = capture::PlanTable(source, spec, known);
  apply::ApplyPlan plan = apply::PlanTable(captured.schema, mapping);
  const std::optional<sql::TableInfo> info = target.Describe(mapping.target);
  ComparedTable table{.schema = captured.schema,
                      .where = captured.set,
                      .mapping = mapping,
                      .target_exists = info.has_value(),
                      .row_bytes_max = spec.row_bytes_max,
                      .from = captured.from()};
  if (captured.flag) {
    const Column& flag = captured.schema->columns[captured.flag->column];
    table.where = capture::And(table.where, IsNotSet(flag, source.dialect()));
  }
  if (info) {
    // Values that are other moments have the same digits, and would count as equal.
    const apply::LocalTimes local{.zone = spec.zone, .source_zone = [&source, &target] {
                                    return sql::OwnNameOf(sql::ConfiguredZone(source), target);
                                  }};
    apply::RefuseOtherMoments(plan, apply::TimesOf(target, plan, *info), local);
    apply::RefuseOtherParts(source, target, plan, local);
    table.references = info->foreign_keys;
    target.MayRead({.foreign_tables = info->reach.foreign_tables});  // partitions, but no views
  }
  const sql::ColumnInfo* flag = info ? info->Find(mapping.flag, target.dialect()) : nullptr;
  if (flag != nullptr) table.target_where = IsNotSet(flag->column, target.dialect());
  table.target.table = info ? info->name : mapping.target;
  const bool has_forms = !sql::DialectOf(source).can().has_typed_values ||
                         !sql::DialectOf(target).can().has_typed_values;
  table.target.dialect = target.dialect();
  if (info) {
    table.narrowed = apply::NarrowingsOf(target, plan, *info);
    std::erase_if(table.narrowed, &apply::Narrowing::reversed);
  }
  if (info) table.target_from = sql::OwnRows(info->name, info->kind, target.dialect());
  for (uint32_t i = 0; i < plan.columns.size(); ++i) {
    Column column = plan.columns[i];
    const sql::ColumnInfo* found = info ? info->Find(column.name, target.dialect()) : nullptr;
    const bool key = std::ranges::find(plan.key, i) != plan.key.end();
    // What the target computes by itself is not the source's.
    if (info && (found == nullptr || found->generated) && !key) {
      table.left_out.push_back(captured.schema->columns[plan.take[i]].name);
      continue;
    }
    if (found != nullptr) {
      table.direct &= IsDirect(column, captured.schema->dialect, found->column, target.dialect());
      column = found->column;
    }
    if (has_forms) {
      const Type type = ComparedType(plan.columns[i].type, column.type, plan.IsCursor(i));
      table.types.push_back(key ? Type::kNull : type);
    }
    table.take.push_back(plan.take[i]);
    table.target.columns.push_back(std::move(column));
  }
  for (const uint32_t i : plan.key) {
    const auto place = std::ranges::find(table.take, plan.take[i]);
    table.target.key.push_back(static_cast<uint32_t>(place - table.take.begin()));
  }
  table.target.cursor = table.target.key.front();  // of a row that is too large only keys are read
  return table;
}

Row AsOnTarget(const ComparedTable& table, const Row& row) {
  const bool between_kinds = table.schema->dialect != table.target.dialect;
  Row target;
  target.Reserve(row.bytes().size());
  auto wanted = table.take.begin();
  uint32_t index = 0;
  for (auto value = row.begin(); wanted != table.take.end(); ++value, ++index) {
    if (*wanted != index) continue;
    ++wanted;
    // What only its own kind of database has a type for is text in the other.
    if (between_kinds && (*value).type() == Type::kOther) {
      target.Append(ValueView::Text((*value).as_string()));
    } else {
      target.Append(*value);
    }
  }
  return target;
}

bool IsSameOnTarget(const ComparedTable& table, size_t column, ValueView a, ValueView b) {
  if (a == b) return true;
  return !table.types.empty() && table.types[column] != Type::kNull &&
         IsSameValue(table.types[column], a, b);
}

Row Canonical(const ComparedTable& table, const Row& row) {
  if (table.types.empty()) return row;
  Row canonical;
  canonical.Reserve(row.bytes().size());
  size_t column = 0;
  for (const ValueView value : row) {
    const Type type = table.types[column++];
    canonical.Append(type == Type::kNull ? value : CanonicalValue(type, value).view());
  }
  return canonical;
}

Row AsAtSource(const ComparedTable& table, const Row& key) {
  Row source;
  size_t place = 0;
  for (const ValueView value : key) {
    AppendAs(table.schema->columns[table.schema->key[place++]].type, value, source);
  }
  return source;
}

}  // namespace syncline::cli
