#include "engine/sql/sqlite/sqlite_functions.h"

#include <map>
#include <memory>
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

struct CloseDatabase {
  void operator()(sqlite3* handle) const { ::sqlite3_close(handle); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { ::sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// SQLite's own printf, which cannot be called but by a statement, in a database of nothing.
class Printer {
 public:
  Printer() {
    sqlite3* handle = nullptr;
    ::sqlite3_open_v2(":memory:", &handle, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE, nullptr);
    handle_.reset(handle);
  }

  void Print(sqlite3_context* context, int count, sqlite3_value** values) {
    const int limit =
        ::sqlite3_limit(::sqlite3_context_db_handle(context), SQLITE_LIMIT_LENGTH, -1);
    ::sqlite3_limit(handle_.get(), SQLITE_LIMIT_LENGTH, limit);
    const bool has_format = count > 0 && ::sqlite3_value_type(values[0]) != SQLITE_NULL;
    if (!has_format) return;
    Call(context, printed_[count], "?1", count, values, [&](sqlite3_value* text) {
      if (::sqlite3_value_type(text) != SQLITE_NULL) return ::sqlite3_result_value(context, text);
      // Of nothing, too, SQLite makes NULL: what has a letter before it is NULL only by its length.
      Call(context, lettered_[count], "'x' || ?1", count, values, [&](sqlite3_value* lettered) {
        if (::sqlite3_value_type(lettered) == SQLITE_NULL) ::sqlite3_result_error_toobig(context);
      });
    });
  }

 private:
  template <typename Sink>
  void Call(sqlite3_context* context, Statement& statement, const std::string& format, int count,
            sqlite3_value** values, const Sink& sink) {
    if (!statement) {
      std::string sql = "SELECT printf(" + format;
      for (int i = 2; i <= count; ++i) sql += ", ?" + std::to_string(i);
      sqlite3_stmt* made = nullptr;
      ::sqlite3_prepare_v3(handle_.get(), (sql + ")").c_str(), -1, SQLITE_PREPARE_PERSISTENT, &made,
                           nullptr);
      statement.reset(made);
    }
    int status = statement ? SQLITE_OK : ::sqlite3_errcode(handle_.get());
    for (int i = 0; i < count && status == SQLITE_OK; ++i) {
      status = ::sqlite3_bind_value(statement.get(), i + 1, values[i]);
    }
    if (status == SQLITE_OK) status = ::sqlite3_step(statement.get());
    if (status == SQLITE_ROW) {
      sink(::sqlite3_column_value(statement.get(), 0));
    } else {
      ::sqlite3_result_error_code(context, status);
    }
    ::sqlite3_reset(statement.get());
    ::sqlite3_clear_bindings(statement.get());
  }

  std::unique_ptr<sqlite3, CloseDatabase> handle_;
  std::map<int, Statement> printed_, lettered_;  // by how many arguments they take
};

void Print(sqlite3_context* context, int count, sqlite3_value** values) {
  static_cast<Printer*>(::sqlite3_user_data(context))->Print(context, count, values);
}

}  // namespace

void AddPrintFunctions(sqlite3* handle) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
  for (const char* name : {"printf", "format"}) {
    ::sqlite3_create_function_v2(handle, name, -1, kFlags, new Printer, Print, nullptr, nullptr,
                                 [](void* printer) { delete static_cast<Printer*>(printer); });
  }
}

void AddStampFunctions(sqlite3* handle) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  ::sqlite3_create_function_v2(handle, "syncline_moment", 1, kFlags, nullptr, Moment, nullptr,
                               nullptr, nullptr);
  ::sqlite3_create_function_v2(handle, "syncline_form", 1, kFlags, nullptr, Form, nullptr, nullptr,
                               nullptr);
}

}  // namespace syncline::sql
