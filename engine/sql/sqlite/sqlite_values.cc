#include "engine/sql/sqlite/sqlite_values.h"

#include <cmath>
#include <optional>
#include <string_view>

#include "engine/model/value_text.h"

namespace syncline::sql {
namespace {

std::string_view View(const void* data, int size) {
  return size == 0 ? std::string_view() : std::string_view(static_cast<const char*>(data), size);
}

void AppendText(std::string_view text, Type declared, Row& row) {
  switch (declared) {
    case Type::kJson:
      return row.Append(ValueView::Json(text));
    case Type::kDouble:
      // SQLite has no NaN: it would become NULL. "Infinity" as text is left as text, since REAL
      // holds that.
      if (text == "NaN") return row.Append(ValueView::Double(std::nan("")));
      break;
    case Type::kDecimal:
    case Type::kDate:
    case Type::kTime:
    case Type::kTimestamp:
    case Type::kTimestampTz:
    case Type::kUuid: {
      const std::optional<Value> value = FromText(declared, text);
      if (value.has_value() && ToText(*value) == text) return row.Append(*value);
      break;
    }
    default:
      break;
  }
  row.Append(ValueView::Text(text));
}

}  // namespace

void AppendColumn(sqlite3_stmt* statement, int index, Type declared, Row& row) {
  switch (::sqlite3_column_type(statement, index)) {
    case SQLITE_INTEGER: {
      const int64_t number = ::sqlite3_column_int64(statement, index);
      const bool is_bool = declared == Type::kBool && (number == 0 || number == 1);
      return row.Append(is_bool ? ValueView::Bool(number == 1) : ValueView::Int(number));
    }
    case SQLITE_FLOAT:
      return row.Append(ValueView::Double(::sqlite3_column_double(statement, index)));
    case SQLITE_TEXT: {
      const void* text = ::sqlite3_column_text(statement, index);
      return AppendText(View(text, ::sqlite3_column_bytes(statement, index)), declared, row);
    }
    case SQLITE_BLOB: {
      const void* bytes = ::sqlite3_column_blob(statement, index);
      return row.Append(ValueView::Bytes(View(bytes, ::sqlite3_column_bytes(statement, index))));
    }
    default:
      return row.Append(ValueView::Null());
  }
}

int BindValue(sqlite3_stmt* statement, int index, ValueView value, std::string& scratch) {
  // A null pointer would bind NULL in place of the empty text, or of no bytes.
  const auto data = [](std::string_view view) { return view.empty() ? "" : view.data(); };
  const auto bind_text = [&](std::string_view text, sqlite3_destructor_type lifetime) {
    return ::sqlite3_bind_text64(statement, index, data(text), text.size(), lifetime, SQLITE_UTF8);
  };
  switch (value.type()) {
    case Type::kNull:
      return ::sqlite3_bind_null(statement, index);
    case Type::kBool:
    case Type::kInt:
      return ::sqlite3_bind_int64(statement, index, value.as_int());
    case Type::kDouble:
      if (std::isnan(value.as_double())) return bind_text("NaN", SQLITE_STATIC);
      return ::sqlite3_bind_double(statement, index, value.as_double());
    case Type::kBytes:
      return ::sqlite3_bind_blob64(statement, index, data(value.as_string()),
                                   value.as_string().size(), SQLITE_STATIC);
    case Type::kText:
    case Type::kDecimal:
    case Type::kJson:
    case Type::kOther:
      return bind_text(value.as_string(), SQLITE_STATIC);
    default:
      scratch.clear();
      syncline::AppendText(value, scratch);
      return bind_text(scratch, SQLITE_TRANSIENT);
  }
}

}  // namespace syncline::sql
