#include "engine/sql/postgres_text.h"

#include <cmath>
#include <string_view>

#include "engine/base/error.h"
#include "engine/model/value_text.h"
#include "engine/sql/postgres_types.h"

namespace syncline::sql {
namespace {

constexpr int64_t kUnixEpochSeconds = -946'684'800;  // 1970-01-01 counted from 2000-01-01
constexpr double kUnixSecondsMax = 9.2e12;           // the year 294276 ends a little later

Error Refused(const std::string& message, std::string hint) {
  Error error = StopError(message, std::move(hint));
  error.SetRefusal({.kind = Refusal::Kind::kValue, .reason = message});
  return error;
}

bool IsTime(Oid type) {
  return type == oid::kDate || type == oid::kTimestamp || type == oid::kTimestampTz;
}

void AppendUnixTime(double seconds, std::string& out) {
  if (!(std::abs(seconds) < kUnixSecondsMax)) {
    throw Refused("a number in place of a date or time is not a Unix time in seconds", {});
  }
  const double whole = std::floor(seconds);
  const int64_t us = (static_cast<int64_t>(whole) + kUnixEpochSeconds) * 1'000'000 +
                     std::llround((seconds - whole) * 1e6);
  AppendText(ValueView::TimestampTz(us), out);
}

void AppendHex(std::string_view bytes, std::string& out) {
  AppendText(ValueView::Bytes(bytes), out);
}

// COPY's text format escapes these with a backslash; everything else stands for itself.
void AppendEscaped(std::string_view text, std::string& out) {
  size_t plain = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char letter = 0;
    switch (text[i]) {
      case '\\':
        letter = '\\';
        break;
      case '\n':
        letter = 'n';
        break;
      case '\r':
        letter = 'r';
        break;
      case '\t':
        letter = 't';
        break;
      default:
        continue;
    }
    out.append(text.substr(plain, i - plain));
    out += '\\';
    out += letter;
    plain = i + 1;
  }
  out.append(text.substr(plain));
}

void RefuseZeroByte(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    throw Refused("PostgreSQL cannot hold text with a zero byte",
                  "Clean the row in the source, or omit the column.");
  }
}

bool IsFreeText(Type type) {
  return type == Type::kText || type == Type::kJson || type == Type::kOther;
}

}  // namespace

void AppendPostgresText(ValueView value, Oid target, std::string& out) {
  const Type type = value.type();
  if (IsTime(target) && type == Type::kInt) {
    AppendUnixTime(static_cast<double>(value.as_int()), out);
  } else if (IsTime(target) && type == Type::kDouble) {
    AppendUnixTime(value.as_double(), out);
  } else if (target == oid::kBytea && type != Type::kBytes) {
    if (IsFreeText(type)) {
      AppendHex(value.as_string(), out);
    } else {
      AppendHex(ToText(value), out);
    }
  } else {
    if (IsFreeText(type)) RefuseZeroByte(value.as_string());
    AppendText(value, out);
  }
}

void AppendCopyField(ValueView value, Oid target, std::string& out) {
  if (value.is_null()) {
    out += "\\N";
  } else if (IsFreeText(value.type()) && target != oid::kBytea) {
    RefuseZeroByte(value.as_string());
    AppendEscaped(value.as_string(), out);
  } else {
    // Of all other text forms only that of bytes has a backslash, its first character.
    const size_t start = out.size();
    AppendPostgresText(value, target, out);
    if (out.size() > start && out[start] == '\\') out.insert(start, 1, '\\');
  }
}

}  // namespace syncline::sql
