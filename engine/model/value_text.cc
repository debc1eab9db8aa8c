#include "engine/model/value_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "engine/base/check.h"
#include "engine/model/calendar.h"

namespace syncline {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

// --- writing ---

void AppendInt(int64_t number, std::string& out) {
  char buffer[20];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr - buffer);
}

void AppendPadded(int64_t number, int width, std::string& out) {
  char buffer[20];
  const char* end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
  out.append(std::max<int64_t>(0, width - (end - buffer)), '0');
  out.append(buffer, end - buffer);
}

void AppendDouble(double number, std::string& out) {
  if (std::isnan(number)) {
    out += "NaN";
  } else if (std::isinf(number)) {
    out += number < 0 ? "-Infinity" : "Infinity";
  } else {
    char buffer[32];
    out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr - buffer);
  }
}

// False for the infinities, which are written in words.
bool AppendInfinity(int64_t number, std::string& out) {
  if (number != kPositiveInfinity && number != kNegativeInfinity) return false;
  out += number == kPositiveInfinity ? "infinity" : "-infinity";
  return true;
}

// True when the year is one before Christ: " BC" has to follow what comes behind the date.
bool AppendDay(int64_t days, std::string& out) {
  const CivilDate date = CivilFromDays(days);
  const bool bc = date.year <= 0;
  AppendPadded(bc ? 1 - date.year : date.year, 4, out);
  out += '-';
  AppendPadded(date.month, 2, out);
  out += '-';
  AppendPadded(date.day, 2, out);
  return bc;
}

void AppendTimeOfDay(int64_t us, std::string& out) {
  AppendPadded(us / 3'600'000'000, 2, out);
  out += ':';
  AppendPadded(us / 60'000'000 % 60, 2, out);
  out += ':';
  AppendPadded(us / 1'000'000 % 60, 2, out);
  out += '.';
  AppendPadded(us % 1'000'000, 6, out);
}

void AppendTimestamp(int64_t us, std::string_view zone, std::string& out) {
  if (AppendInfinity(us, out)) return;
  int64_t days = us / kMicrosecondsPerDay;
  int64_t rest = us % kMicrosecondsPerDay;
  if (rest < 0) {
    --days;
    rest += kMicrosecondsPerDay;
  }
  const bool bc = AppendDay(days, out);
  out += ' ';
  AppendTimeOfDay(rest, out);
  out += zone;
  if (bc) out += " BC";
}

void AppendHex(std::string_view bytes, std::string& out) {
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
}

void AppendUuid(std::string_view bytes, std::string& out) {
  SYNCLINE_CHECK_EQ(bytes.size(), 16u);
  static constexpr std::array<int, 5> kGroups = {4, 2, 2, 2, 6};
  for (size_t group = 0; group < kGroups.size(); ++group) {
    if (group > 0) out += '-';
    AppendHex(bytes.substr(0, kGroups[group]), out);
    bytes.remove_prefix(kGroups[group]);
  }
}

// --- reading ---

// Reads forward over a text; a Take that does not find what it wants leaves the place as it was.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  std::string_view rest() const { return text_; }

  bool Take(std::string_view word) {
    if (text_.substr(0, word.size()) != word) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  bool TakeAny(std::string_view characters) {
    if (text_.empty() || characters.find(text_.front()) == std::string_view::npos) return false;
    text_.remove_prefix(1);
    return true;
  }

  // A run of `least` to `most` digits; how many there were, or 0.
  int TakeDigits(int least, int most, int64_t& number) {
    int digits = 0;
    int64_t value = 0;
    while (digits < most && digits < static_cast<int>(text_.size()) && text_[digits] >= '0' &&
           text_[digits] <= '9') {
      value = value * 10 + (text_[digits++] - '0');
    }
    if (digits < least) return 0;
    number = value;
    text_.remove_prefix(digits);
    return digits;
  }

 private:
  std::string_view text_;
};

bool ScanDate(Scanner& scanner, CivilDate& date) {
  int64_t year, month, day;
  if (!scanner.TakeDigits(4, 7, year) || !scanner.Take("-") || !scanner.TakeDigits(2, 2, month) ||
      !scanner.Take("-") || !scanner.TakeDigits(2, 2, day)) {
    return false;
  }
  date = {year, static_cast<int>(month), static_cast<int>(day)};
  return year > 0;
}

bool ScanTimeOfDay(Scanner& scanner, int64_t& us) {
  int64_t hours, minutes, seconds = 0, fraction = 0;
  if (!scanner.TakeDigits(2, 2, hours) || !scanner.Take(":") || !scanner.TakeDigits(2, 2, minutes))
    return false;
  if (scanner.Take(":")) {
    if (!scanner.TakeDigits(2, 2, seconds)) return false;
    if (scanner.Take(".")) {
      int digits = scanner.TakeDigits(1, 6, fraction);
      if (digits == 0) return false;
      for (; digits < 6; ++digits) fraction *= 10;
    }
  }
  us = ((hours * 60 + minutes) * 60 + seconds) * 1'000'000 + fraction;
  return minutes < 60 && seconds < 60 && us <= kMicrosecondsPerDay;
}

// Z, or an offset from UTC.
bool ScanZone(Scanner& scanner, int64_t& offset_us) {
  if (scanner.TakeAny("Zz")) {
    offset_us = 0;
    return true;
  }
  const bool west = scanner.Take("-");
  int64_t hours, minutes = 0;
  if ((!west && !scanner.Take("+")) || !scanner.TakeDigits(2, 2, hours)) return false;
  if (scanner.Take(":")) {
    if (!scanner.TakeDigits(2, 2, minutes)) return false;
  } else {
    scanner.TakeDigits(2, 2, minutes);
  }
  offset_us = (hours * 60 + minutes) * 60'000'000 * (west ? -1 : 1);
  return hours < 16 && minutes < 60;
}

// Behind a date and what follows it: the era, then nothing more. Puts the date's year right.
bool ScanEra(Scanner& scanner, CivilDate& date) {
  if (scanner.Take(" BC")) date.year = 1 - date.year;
  return scanner.done() && IsValid(date);
}

std::optional<int64_t> ReadInfinity(std::string_view text) {
  if (text == "infinity") return kPositiveInfinity;
  if (text == "-infinity") return kNegativeInfinity;
  return std::nullopt;
}

std::optional<int64_t> ReadDate(std::string_view text) {
  if (const auto infinity = ReadInfinity(text)) return infinity;
  Scanner scanner(text);
  CivilDate date;
  if (!ScanDate(scanner, date) || !ScanEra(scanner, date)) return std::nullopt;
  return DaysFromCivil(date);
}

std::optional<int64_t> ReadTime(std::string_view text) {
  Scanner scanner(text);
  int64_t us;
  if (!ScanTimeOfDay(scanner, us) || !scanner.done()) return std::nullopt;
  return us;
}

std::optional<int64_t> ReadTimestamp(std::string_view text, bool with_zone) {
  if (const auto infinity = ReadInfinity(text)) return infinity;
  Scanner scanner(text);
  CivilDate date;
  int64_t time = 0, zone = 0;
  if (!ScanDate(scanner, date)) return std::nullopt;
  if (scanner.TakeAny("Tt") || (!scanner.done() && scanner.rest() != " BC" && scanner.Take(" "))) {
    if (!ScanTimeOfDay(scanner, time)) return std::nullopt;
    const bool era_or_end = scanner.done() || scanner.rest() == " BC";
    if (!era_or_end && (!with_zone || !ScanZone(scanner, zone))) return std::nullopt;
  }
  if (!ScanEra(scanner, date)) return std::nullopt;
  // PostgreSQL's range; beyond it the sum below could overflow.
  if (date.year < -4713 || date.year > 294276) return std::nullopt;
  return DaysFromCivil(date) * kMicrosecondsPerDay + time - zone;
}

std::optional<double> ReadDouble(std::string_view text) {
  if (text == "NaN") return std::nan("");
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  double number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool finite_text =
      !text.empty() &&
      (text.front() == '-' || (text.front() >= '0' && text.front() <= '9') || text.front() == '.');
  if (error != std::errc() || end != text.data() + text.size() || !finite_text ||
      !std::isfinite(number))
    return std::nullopt;
  return number;
}

bool IsDecimal(std::string_view text) {
  if (text == "NaN" || text == "Infinity" || text == "-Infinity") return true;
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  size_t digits = 0, points = 0;
  for (const char c : text) {
    if (c == '.') {
      ++points;
    } else if (c >= '0' && c <= '9') {
      ++digits;
    } else {
      return false;
    }
  }
  return digits > 0 && points <= 1 && text.back() != '.' && text.front() != '.';
}

std::optional<std::string> ReadHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    uint8_t byte;
    const auto [end, error] = std::from_chars(&text[i], &text[i] + 2, byte, 16);
    if (error != std::errc() || end != &text[i] + 2) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

std::optional<std::string> ReadUuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return std::nullopt;
    if (!dash) digits += text[i];
  }
  return ReadHex(digits);
}

std::optional<Value> OfNumber(Type type, std::optional<int64_t> number) {
  if (!number) return std::nullopt;
  return Value(ValueView::OfNumber(type, *number));
}

std::optional<Value> OfString(Type type, const std::optional<std::string>& string) {
  if (!string) return std::nullopt;
  return Value(ValueView::OfString(type, *string));
}

std::optional<int64_t> ReadInt(std::string_view text) {
  int64_t number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

void AppendText(ValueView value, std::string& out) {
  SYNCLINE_CHECK(!value.is_null());
  switch (value.type()) {
    case Type::kNull:
      return;
    case Type::kBool:
      out += value.as_bool() ? "true" : "false";
      return;
    case Type::kInt:
      return AppendInt(value.as_int(), out);
    case Type::kDouble:
      return AppendDouble(value.as_double(), out);
    case Type::kDate:
      if (!AppendInfinity(value.as_int(), out) && AppendDay(value.as_int(), out)) out += " BC";
      return;
    case Type::kTime:
      return AppendTimeOfDay(value.as_int(), out);
    case Type::kTimestamp:
      return AppendTimestamp(value.as_int(), "", out);
    case Type::kTimestampTz:
      return AppendTimestamp(value.as_int(), "+00", out);
    case Type::kBytes:
      out += "\\x";
      return AppendHex(value.as_string(), out);
    case Type::kUuid:
      return AppendUuid(value.as_string(), out);
    case Type::kText:
    case Type::kDecimal:
    case Type::kJson:
    case Type::kOther:
      out += value.as_string();
      return;
  }
}

std::string ToText(ValueView value) {
  std::string text;
  AppendText(value, text);
  return text;
}

std::optional<Value> FromText(Type type, std::string_view text) {
  switch (type) {
    case Type::kNull:
      return std::nullopt;
    case Type::kBool:
      if (text != "true" && text != "false") return std::nullopt;
      return Value(ValueView::Bool(text == "true"));
    case Type::kInt:
      return OfNumber(type, ReadInt(text));
    case Type::kDouble: {
      const std::optional<double> number = ReadDouble(text);
      if (!number) return std::nullopt;
      return Value(ValueView::Double(*number));
    }
    case Type::kDate:
      return OfNumber(type, ReadDate(text));
    case Type::kTime:
      return OfNumber(type, ReadTime(text));
    case Type::kTimestamp:
      return OfNumber(type, ReadTimestamp(text, false));
    case Type::kTimestampTz:
      return OfNumber(type, ReadTimestamp(text, true));
    case Type::kBytes:
      if (text.substr(0, 2) != "\\x") return std::nullopt;
      return OfString(type, ReadHex(text.substr(2)));
    case Type::kUuid:
      return OfString(type, ReadUuid(text));
    case Type::kDecimal:
      if (!IsDecimal(text)) return std::nullopt;
      return Value(ValueView::Decimal(text));
    case Type::kText:
    case Type::kJson:
    case Type::kOther:
      return Value(ValueView::OfString(type, text));
  }
  return std::nullopt;
}

}  // namespace syncline
