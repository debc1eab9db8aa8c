#include "engine/sql/postgres/rows/postgres_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>

#include "engine/base/error.h"
#include "engine/model/calendar.h"
#include "engine/model/stamp.h"
#include "engine/model/value_text.h"
#include "engine/sql/postgres/rows/postgres_types.h"

namespace syncline::sql {
namespace {

Error Refused(const std::string& message, std::string hint) {
  Error error = StopError(message, std::move(hint));
  error.SetRefusal({.kind = Refusal::Kind::kValue, .reason = message});
  return error;
}

// What the server's input functions read as the moment of reading.
constexpr std::array<std::string_view, 4> kWords = {"now", "today", "tomorrow", "yesterday"};

bool HasSuchAWord(std::string_view text) {
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == b; };
  return std::ranges::any_of(kWords, [&](std::string_view word) {
    return !std::ranges::search(text, word, same).empty();
  });
}

bool IsFreeText(Type type) {
  return type == Type::kText || type == Type::kJson || type == Type::kOther;
}

// Of a type that the server reads by our text only.
bool IsItsOwn(Type type) {
  return type == Type::kDate || type == Type::kTimestamp || type == Type::kTimestampTz;
}

int64_t DayOf(int64_t us) {
  return us / kMicrosecondsPerDay - (us % kMicrosecondsPerDay < 0 ? 1 : 0);
}

ValueView AsDate(const Stamp& stamp) {
  if (stamp.us == kPositiveInfinity || stamp.us == kNegativeInfinity) {
    return ValueView::Date(stamp.us);
  }
  return ValueView::Date(DayOf(stamp.us + stamp.form.offset_minutes * int64_t{60'000'000}));
}

void AppendMoment(ValueView value, Oid target, std::string& out) {
  if (target == oid::kDate && IsFreeText(value.type())) {
    // Which reaches further than any moment.
    if (const auto day = FromText(Type::kDate, value.as_string())) return AppendText(*day, out);
  }
  const std::optional<Stamp> stamp = ReadMoment(value);
  if (!stamp) {
    throw Refused("a text or number in place of a date or time is none, or could be several",
                  "Write it as 2026-01-31 23:59:59, with an offset or without one, or as a Unix "
                  "time; or let the column be text on the target.");
  }
  switch (target) {
    case oid::kDate:
      return AppendText(AsDate(*stamp), out);
    case oid::kTimestamp:
      return AppendText(ValueView::Timestamp(stamp->us), out);
    default:
      return AppendText(ValueView::TimestampTz(stamp->us), out);
  }
}

void RefuseWords(std::string_view text) {
  if (!HasSuchAWord(text)) return;
  throw Refused(
      "a text in place of a time holds a word that PostgreSQL would read as the moment of reading",
      "Write the time itself; or let the column be text on the target.");
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

}  // namespace

void AppendPostgresText(ValueView value, const TargetType& target, std::string& out) {
  using Times = TargetType::Times;
  const Type type = value.type();
  if (target.times == Times::kMoment && !IsItsOwn(type)) {
    AppendMoment(value, target.oid, out);
  } else if (target.oid == oid::kBytea && type != Type::kBytes) {
    if (IsFreeText(type)) {
      AppendHex(value.as_string(), out);
    } else {
      AppendHex(ToText(value), out);
    }
  } else {
    if (IsFreeText(type)) {
      RefuseZeroByte(value.as_string());
      // What a database wrote itself of such a type has no words in it.
      if (target.times == Times::kTimeOfDay ||
          (target.times == Times::kInside && type == Type::kText)) {
        RefuseWords(value.as_string());
      }
    }
    AppendText(value, out);
  }
}

void AppendCopyField(ValueView value, const TargetType& target, std::string& out) {
  if (value.is_null()) {
    out += "\\N";
  } else if (IsFreeText(value.type()) && target.oid != oid::kBytea) {
    if (target.times == TargetType::Times::kNone) {
      RefuseZeroByte(value.as_string());
      return AppendEscaped(value.as_string(), out);
    }
    std::string text;
    AppendPostgresText(value, target, text);
    AppendEscaped(text, out);
  } else {
    // Of all other text forms only that of bytes has a backslash, its first character.
    const size_t start = out.size();
    AppendPostgresText(value, target, out);
    if (out.size() > start && out[start] == '\\') out.insert(start, 1, '\\');
  }
}

}  // namespace syncline::sql
