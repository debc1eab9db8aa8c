#include "engine/model/value_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "engine/base/check.h"
#include "engine/model/calendar.h"
#include "engine/model/time_text.h"

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

constexpr size_t kMicrosecondDigits = 6;

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
  TimeOfDay time;
  if (!ScanTimeOfDay(scanner, kMicrosecondDigits, time) || !scanner.done()) return std::nullopt;
  return time.us;
}

std::optional<int64_t> ReadTimestamp(std::string_view text, bool with_zone) {
  if (const auto infinity = ReadInfinity(text)) return infinity;
  Scanner scanner(text);
  CivilDate date;
  TimeOfDay time;
  int64_t zone = 0;
  if (!ScanDate(scanner, date)) return std::nullopt;
  if (scanner.TakeAny("Tt") || (!scanner.done() && scanner.rest() != " BC" && scanner.Take(" "))) {
    if (!ScanTimeOfDay(scanner, kMicrosecondDigits, time)) return std::nullopt;
    const bool era_or_end = scanner.done() || scanner.rest() == " BC";
    if (!era_or_end && (!with_zone || !ScanZone(scanner, zone))) return std::nullopt;
  }
  if (!ScanEra(scanner, date)) return std::nullopt;
  // PostgreSQL's range; beyond it the sum below could overflow.
  if (date.year < -4713 || date.year > 294276) return std::nullopt;
  return DaysFromCivil(date) * kMicrosecondsPerDay + time.us - zone;
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
