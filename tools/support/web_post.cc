#include "tools/support/web_post.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>

#include "engine/base/error.h"

namespace syncline::cli {
namespace {

size_t Drop(char*, size_t size, size_t count, void*) { return size * count; }

// Called at least once a second; not 0: the transfer is broken off.
int IsOver(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const StopGrace*>(stop)->over() ? 1 : 0;
}

}  // namespace

void PostJson(const std::string& url, const std::string& json, Microseconds timeout,
              const StopGrace* stop) {
  static const CURLcode ready = ::curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(
      ready == CURLE_OK ? ::curl_easy_init() : nullptr, ::curl_easy_cleanup);
  if (curl == nullptr) throw EnvironmentError("libcurl cannot be used");
  const std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(
      ::curl_slist_append(nullptr, "Content-Type: application/json"), ::curl_slist_free_all);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  ::curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  ::curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, json.c_str());
  ::curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(json.size()));
  ::curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Drop);
  ::curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(ms));
  ::curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  if (stop != nullptr) {
    ::curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
    ::curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, IsOver);
    ::curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, stop);
    ::curl_easy_setopt(curl.get(), CURLOPT_QUICK_EXIT, 1L);  // nor wait for a name server
  }
  ::curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, "syncline");
  const CURLcode code = ::curl_easy_perform(curl.get());
  if (code != CURLE_OK) throw EnvironmentError(::curl_easy_strerror(code));
  long status = 0;
  ::curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status < 200 || status > 299) {
    throw EnvironmentError(fmt::format("the answer was HTTP {}", status));
  }
}

}  // namespace syncline::cli
