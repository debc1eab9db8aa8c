#include "engine/model/schema.h"

#include <algorithm>
#include <set>

#include "engine/base/error.h"
#include "engine/model/checksum.h"
#include "frame.pb.h"

namespace syncline {
namespace {

// Reads one part of a table's name at `at`: plain up to a dot, or in double quotes with inner ones
// doubled.
std::string ReadPart(std::string_view text, size_t& at) {
  std::string part;
  if (at < text.size() && text[at] == '"') {
    for (++at;; ++at) {
      if (at == text.size())
        throw UsageError("table name " + std::string(text) + ": a quote is not closed");
      if (text[at] == '"' && (at + 1 == text.size() || text[at + 1] != '"')) break;
      if (text[at] == '"') ++at;
      part += text[at];
    }
    ++at;
  } else {
    while (at < text.size() && text[at] != '.') part += text[at++];
  }
  if (part.empty()) throw UsageError("table name \"" + std::string(text) + "\" has an empty part");
  return part;
}

std::string QuoteIfNeeded(const std::string& part) {
  const bool plain = !part.empty() && part.find_first_of(".\"") == std::string::npos;
  if (plain) return part;
  std::string quoted = "\"";
  for (const char c : part) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

// A few thousand columns, with long names and types, take less.
constexpr size_t kSchemaBytesMax = 16u << 20;
// As many as SQLite can be made to take, and more than any other database.
constexpr int kColumnsMax = 32'767;

// Whether key and cursor are columns, each column of the key once and one that holds values.
bool StaysInside(const TableSchema& schema) {
  const size_t count = schema.columns.size();
  std::set<uint32_t> keys;
  for (const uint32_t index : schema.key) {
    if (index >= count || schema.columns[index].type == Type::kNull) return false;
    if (!keys.insert(index).second) return false;
  }
  if (keys.empty()) return false;
  if (!schema.has_cursor()) return !schema.cursor_fallback;
  return schema.cursor < count && schema.cursor_fallback.value_or(0) < count;
}

bool NamesAreNames(const TableSchema& schema) {
  const auto has_zero = [](const std::string& name) { return name.find('\0') != name.npos; };
  if (has_zero(schema.table.schema) || has_zero(schema.table.name)) return false;
  std::set<std::string_view> names;
  for (const Column& column : schema.columns) {
    if (has_zero(column.name) || has_zero(column.native_type)) return false;
    if (!names.insert(column.name).second) return false;
  }
  return true;
}

}  // namespace

std::string_view DialectName(Dialect dialect) {
  switch (dialect) {
    case Dialect::kPostgres:
      return "postgresql";
    case Dialect::kSqlite:
      return "sqlite";
  }
  return "unknown";
}

TableName TableName::Parse(std::string_view text) {
  size_t at = 0;
  TableName table;
  table.name = ReadPart(text, at);
  if (at < text.size() && text[at] == '.') {
    table.schema = std::move(table.name);
    table.name = ReadPart(text, ++at);
  }
  if (at != text.size()) {
    throw UsageError(
        "table name \"" + std::string(text) + "\" is not of the form table or schema.table",
        "put a part that holds a dot in double quotes");
  }
  return table;
}

std::string TableName::ToString() const {
  return schema.empty() ? QuoteIfNeeded(name) : QuoteIfNeeded(schema) + "." + QuoteIfNeeded(name);
}

SchemaId TableSchema::id() const {
  const std::string bytes = EncodeSchema(*this);
  return Checksum64(bytes);
}

int TableSchema::Find(std::string_view column) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const Column& c) { return c.name == column; });
  return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
}

ValueView TableSchema::VersionOf(const Row& row) const {
  if (!has_cursor()) return ValueView::Null();
  const ValueView version = row[cursor];
  return version.is_null() && cursor_fallback ? row[*cursor_fallback] : version;
}

std::string EncodeSchema(const TableSchema& schema) {
  wire::TableSchema out;
  out.set_schema(schema.table.schema);
  out.set_name(schema.table.name);
  out.set_dialect(static_cast<uint32_t>(schema.dialect));
  for (const Column& column : schema.columns) {
    wire::Column& to = *out.add_columns();
    to.set_name(column.name);
    to.set_type(static_cast<uint32_t>(column.type));
    to.set_native_type(column.native_type);
    to.set_nullable(column.nullable);
  }
  for (const uint32_t index : schema.key) out.add_key(index);
  out.set_cursor(schema.cursor);
  if (schema.cursor_fallback) out.set_cursor_fallback(*schema.cursor_fallback);
  return out.SerializeAsString();
}

TableSchema DecodeSchema(std::string_view bytes) {
  wire::TableSchema in;
  if (bytes.size() > kSchemaBytesMax ||
      !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      in.columns_size() > kColumnsMax) {
    throw DamageError("the bytes of a table's schema cannot be read");
  }
  TableSchema schema;
  schema.table = {in.schema(), in.name()};
  schema.dialect = static_cast<Dialect>(in.dialect());
  bool valid = in.dialect() == 1 || in.dialect() == 2;
  for (const wire::Column& from : in.columns()) {
    valid = valid && from.type() <= static_cast<uint32_t>(Type::kOther);
    schema.columns.push_back(
        {from.name(), static_cast<Type>(from.type()), from.native_type(), from.nullable()});
  }
  schema.key.assign(in.key().begin(), in.key().end());
  schema.cursor = in.cursor();
  if (in.has_cursor_fallback()) schema.cursor_fallback = in.cursor_fallback();
  if (!valid || !StaysInside(schema)) {
    throw DamageError("the schema of table " + schema.table.ToString() +
                      " points outside of itself");
  }
  if (!NamesAreNames(schema)) {
    throw DamageError("the schema of table " + schema.table.ToString() +
                      " has a name that no database gives, or one twice");
  }
  return schema;
}

}  // namespace syncline
