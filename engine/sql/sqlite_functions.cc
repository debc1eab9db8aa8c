#include "engine/sql/sqlite_functions.h"

#include <optional>
#include <string>
#include <string_view>

#include "engine/model/stamp.h"

namespace syncline::sql {
namespace {

ValueView ViewOf(sqlite3_value* value) {
  switch (::sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      return ValueView::Int(::sqlite3_value_int64(value));
    case SQLITE_FLOAT:
      return ValueView::Double(::sqlite3_value_double(value));
    case SQLITE_TEXT: {
      const auto* const text = reinterpret_cast<const char*>(::sqlite3_value_text(value));
      const auto size = static_cast<size_t>(::sqlite3_value_bytes(value));
      return ValueView::Text(text == nullptr ? std::string_view() : std::string_view(text, size));
    }
    default:
      return ValueView::Null();
  }
}

void Moment(sqlite3_context* context, int, sqlite3_value** values) {
  if (const std::optional<int64_t> us = StampOf(ViewOf(values[0]))) {
    ::sqlite3_result_int64(context, *us);
  }
}

void Form(sqlite3_context* context, int, sqlite3_value** values) {
  const std::string name = NameOf(FormOf(ViewOf(values[0])));
  ::sqlite3_result_text(context, name.data(), static_cast<int>(name.size()), SQLITE_TRANSIENT);
}

}  // namespace

void AddStampFunctions(sqlite3* handle) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  ::sqlite3_create_function_v2(handle, "syncline_moment", 1, kFlags, nullptr, Moment, nullptr,
                               nullptr, nullptr);
  ::sqlite3_create_function_v2(handle, "syncline_form", 1, kFlags, nullptr, Form, nullptr, nullptr,
                               nullptr);
}

}  // namespace syncline::sql
