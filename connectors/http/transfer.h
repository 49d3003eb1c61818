// One request on its way through libcurl.
#pragma once

#include <curl/curl.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/api/http_client.h"
#include "connectors/http/curl_http_client.h"

namespace purser::connectors {

struct EasyFreer {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using EasyHandle = std::unique_ptr<CURL, EasyFreer>;

// Owns what libcurl reads and writes during the request, so it must stay where it is.
// Thread-compatible.
class Transfer {
 public:
  // `request` has passed CheckRequest(); `easy` is fresh or reset; `options` outlives it.
  Transfer(EasyHandle easy, uint64_t id, HttpRequest request, const CurlOptions* options);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return easy_.get(); }
  uint64_t id() const { return id_; }

  // What it came to, once libcurl is done with it: the response, or the error in HttpClient's
  // terms.
  absl::StatusOr<HttpResponse> Result(CURLcode code);

  EasyHandle TakeEasy() { return std::move(easy_); }

 private:
  static size_t OnBody(char* bytes, size_t, size_t count, void* self);
  static size_t OnHeader(char* bytes, size_t, size_t count, void* self);
  static int OnConnected(void* self, char*, char*, int, int);

  void SetRequest();
  void SetHeaders();
  void SetLimits();
  bool IsSafe() const { return request_.method == "GET" || request_.method == "HEAD"; }
  absl::Status Error(CURLcode code) const;

  struct HeadersFreer {
    void operator()(curl_slist* headers) const { curl_slist_free_all(headers); }
  };

  EasyHandle easy_;
  const uint64_t id_;
  const HttpRequest request_;
  const CurlOptions* const options_;
  std::unique_ptr<curl_slist, HeadersFreer> headers_;
  std::array<char, CURL_ERROR_SIZE> message_{};
  HttpResponse response_;
  size_t header_bytes_ = 0;
  bool connected_ = false;  // from here on the application can have seen the request
  bool too_large_ = false;
};

}  // namespace purser::connectors
