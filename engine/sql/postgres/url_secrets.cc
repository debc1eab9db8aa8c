#include "engine/sql/url_secrets.h"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>

namespace syncline::sql {
namespace {

// Options whose values libpq's own forms show as stars.
std::set<std::string, std::less<>> HiddenByLibpq() {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      ::PQconninfoParse("", nullptr), &::PQconninfoFree);
  std::set<std::string, std::less<>> hidden;
  for (const PQconninfoOption* option = options.get();
       option != nullptr && option->keyword != nullptr; ++option) {
    if (std::string_view(option->dispchar) == "*") hidden.insert(option->keyword);
  }
  return hidden;
}

// Later versions of libpq have secrets that this one does not know, such as scram_client_key.
bool IsSecret(std::string_view option) {
  static const std::set<std::string, std::less<>> hidden = HiddenByLibpq();
  std::string name(option);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  const auto has = [&](std::string_view word) { return name.find(word) != name.npos; };
  return hidden.contains(name) || has("password") || has("passwd") || has("secret") ||
         has("token") || name.ends_with("_key");
}

// References in braces may hold any character: a path, above all.
std::string WithoutReferences(std::string_view uri) {
  std::string plain(uri);
  for (size_t at = 0; (at = plain.find("${", at)) != plain.npos;) {
    const size_t end = std::min(plain.find('}', at), plain.size() - 1);
    std::fill(plain.begin() + static_cast<std::ptrdiff_t>(at),
              plain.begin() + static_cast<std::ptrdiff_t>(end) + 1, 'x');
  }
  return plain;
}

size_t QueryStart(std::string_view uri) {
  return std::min(uri.find('?', HostStart(uri)), uri.size());
}

}  // namespace

std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t at = 0; at < text.size(); ++at) {
    unsigned code = 0;
    const char* digits = text.data() + at + 1;
    if (text[at] == '%' && at + 2 < text.size() &&
        std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2) {
      decoded += static_cast<char>(code);
      at += 2;
    } else {
      decoded += text[at];
    }
  }
  return decoded;
}

size_t HostStart(std::string_view uri) {
  const size_t start = uri.find("://") + 3;
  const size_t end = uri.find_first_of("@/", start);
  return end != std::string_view::npos && uri[end] == '@' ? end + 1 : start;
}

std::vector<UrlSecret> SecretsIn(std::string_view uri) {
  std::vector<UrlSecret> secrets;
  if (uri.find("://") == uri.npos) return secrets;
  const std::string plain = WithoutReferences(uri);
  const size_t start = plain.find("://") + 3, host = HostStart(plain);
  const size_t colon = plain.find(':', start);
  if (host > start && colon < host - 1) secrets.push_back({"password", colon + 1, host - 1});
  for (size_t at = QueryStart(plain) + 1; at < plain.size();) {
    const size_t end = std::min(plain.find('&', at), plain.size());
    const size_t equals = std::min(plain.find('=', at), end);
    const std::string name = PercentDecoded(std::string_view(plain).substr(at, equals - at));
    if (equals < end && IsSecret(name)) secrets.push_back({name, equals + 1, end});
    at = end + 1;
  }
  return secrets;
}

std::string WithoutSecrets(std::string_view uri) {
  const size_t host = HostStart(uri), query = QueryStart(uri);
  std::string display(uri.substr(0, query));
  char separator = '?';
  const std::vector<UrlSecret> secrets = SecretsIn(uri);
  for (size_t at = query + 1; at < uri.size();) {
    const size_t end = std::min(uri.find('&', at), uri.size());
    const auto is_here = [&](const UrlSecret& secret) {
      return secret.begin > at && secret.end == end;
    };
    if (std::ranges::none_of(secrets, is_here)) {
      display += separator;
      display += uri.substr(at, end - at);
      separator = '&';
    }
    at = end + 1;
  }
  if (!secrets.empty() && secrets.front().end < host) {
    display.erase(secrets.front().begin - 1, secrets.front().end - secrets.front().begin + 1);
  }
  return display;
}

}  // namespace syncline::sql
