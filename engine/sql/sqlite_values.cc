#include "engine/sql/sqlite_values.h"

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

void BindValue(sqlite3_stmt* statement, int index, ValueView value, std::string& scratch) {
  const auto bind_text = [&](std::string_view text, sqlite3_destructor_type lifetime) {
    ::sqlite3_bind_text64(statement, index, text.data() == nullptr ? "" : text.data(), text.size(),
                          lifetime, SQLITE_UTF8);
  };
  switch (value.type()) {
    case Type::kNull:
      ::sqlite3_bind_null(statement, index);
      break;
    case Type::kBool:
    case Type::kInt:
      ::sqlite3_bind_int64(statement, index, value.as_int());
      break;
    case Type::kDouble:
      if (std::isnan(value.as_double())) {
        bind_text("NaN", SQLITE_STATIC);
      } else {
        ::sqlite3_bind_double(statement, index, value.as_double());
      }
      break;
    case Type::kBytes: {
      const std::string_view bytes = value.as_string();
      // A null pointer would bind NULL in place of no bytes.
      ::sqlite3_bind_blob64(statement, index, bytes.empty() ? "" : bytes.data(), bytes.size(),
                            SQLITE_STATIC);
      break;
    }
    case Type::kText:
    case Type::kDecimal:
    case Type::kJson:
    case Type::kOther:
      bind_text(value.as_string(), SQLITE_STATIC);
      break;
    default:
      scratch.clear();
      syncline::AppendText(value, scratch);
      bind_text(scratch, SQLITE_TRANSIENT);
      break;
  }
}

}  // namespace syncline::sql
