#include "engine/sql/sql_text.h"

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "engine/sql/sql_maker.h"

namespace syncline::sql {

Sql Sql::OfOperator(std::string text) {
  if (text.find('\0') != std::string::npos) {
    throw UsageError("a condition in the configuration holds a zero byte",
                     "correct where: in the configuration");
  }
  return SqlMaker::Of(std::move(text));
}

Sql& Sql::operator+=(const Sql& other) {
  if (!composed_) composed_.emplace().text = literal_;
  if (composed_->long_name.empty()) composed_->long_name = other.long_name();
  composed_->text += other.text();
  return *this;
}

void SqlArgument::AppendTo(Sql& sql) const {
  if (sql_ != nullptr) {
    sql += *sql_;
  } else {
    sql += SqlMaker::Of(negative_ ? std::to_string(static_cast<int64_t>(number_))
                                  : std::to_string(number_));
  }
}

// Format's constructor has seen to it that the format is well-formed.
Sql FormatArguments(std::string_view format, std::span<const SqlArgument> arguments) {
  Sql sql = SqlMaker::Of(std::string());
  size_t next = 0;
  std::string plain;
  for (size_t i = 0; i < format.size(); ++i) {
    const bool brace = format[i] == '{' || format[i] == '}';
    if (!brace || format[i + 1] == format[i]) {
      plain += format[i];
      if (brace) ++i;
      continue;
    }
    size_t index = 0;
    const size_t first = ++i;
    for (; format[i] != '}'; ++i) index = index * 10 + static_cast<size_t>(format[i] - '0');
    if (i == first) index = next++;
    SYNCLINE_CHECK(index < arguments.size());
    sql += SqlMaker::Of(std::exchange(plain, {}));
    arguments[index].AppendTo(sql);
  }
  return sql += SqlMaker::Of(std::move(plain));
}

Sql Join(std::span<const Sql> parts, const Sql& separator) {
  Sql joined;
  for (const Sql& part : parts) {
    if (&part != parts.data()) joined += separator;
    joined += part;
  }
  return joined;
}

}  // namespace syncline::sql
