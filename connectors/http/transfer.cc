#include "connectors/http/transfer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace purser::connectors {
namespace {

constexpr size_t kMaxHeaderBytes = 256u << 10;

long Milliseconds(absl::Duration duration) {  // NOLINT(google-runtime-int): libcurl's type
  return std::max<long>(1, static_cast<long>(absl::ToInt64Milliseconds(duration)));
}

bool HasHeader(const HttpRequest& request, absl::string_view name) {
  return std::any_of(request.headers.begin(), request.headers.end(), [name](const auto& header) {
    return absl::EqualsIgnoreCase(header.first, name);
  });
}

}  // namespace

Transfer::Transfer(EasyHandle easy, uint64_t id, HttpRequest request, const CurlOptions* options)
    : easy_(std::move(easy)), id_(id), request_(std::move(request)), options_(options) {
  SetRequest();
  SetHeaders();
  SetLimits();
}

void Transfer::SetRequest() {
  CURL* const easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  const bool sends_body = !request_.body.empty() || request_.method == "POST" ||
                          request_.method == "PUT" || request_.method == "PATCH";
  if (request_.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (sends_body) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.data());
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  } else {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
}

void Transfer::SetHeaders() {
  curl_slist* list = nullptr;
  for (const auto& [name, value] : request_.headers) {
    // libcurl writes "Name;" for a header without a value.
    list = curl_slist_append(
        list, (value.empty() ? absl::StrCat(name, ";") : absl::StrCat(name, ": ", value)).c_str());
  }
  // A pause for "100 Continue" and a form's content type are libcurl's ideas, not the caller's.
  list = curl_slist_append(list, "Expect:");
  if (!HasHeader(request_, "Content-Type")) list = curl_slist_append(list, "Content-Type:");
  headers_.reset(list);
  curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(easy_.get(), CURLOPT_USERAGENT, options_->user_agent.c_str());
}

void Transfer::SetLimits() {
  CURL* const easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, Milliseconds(request_.timeout));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(options_->connect_timeout));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  // Plain http is for loopback, where a proxy has no business.
  const bool direct = absl::StartsWithIgnoreCase(request_.url, "http:");
  curl_easy_setopt(easy, CURLOPT_PROXY, direct ? "" : options_->proxy.c_str());
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  if (!options_->ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, options_->ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, message_.data());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &Transfer::OnConnected);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
}

size_t Transfer::OnBody(char* bytes, size_t, size_t count, void* self) {
  auto* const transfer = static_cast<Transfer*>(self);
  std::string& body = transfer->response_.body;
  if (body.size() + count > transfer->options_->max_response_bytes) {
    transfer->too_large_ = true;
    return 0;
  }
  body.append(bytes, count);
  return count;
}

size_t Transfer::OnHeader(char* bytes, size_t, size_t count, void* self) {
  auto* const transfer = static_cast<Transfer*>(self);
  const absl::string_view line(bytes, count);
  transfer->header_bytes_ += count;
  if (transfer->header_bytes_ > kMaxHeaderBytes) {
    transfer->too_large_ = true;
    return 0;
  }
  if (absl::StartsWith(line, "HTTP/")) {
    // A status line after another: the one before was informational (1xx), or a proxy's.
    transfer->response_.headers.clear();
    return count;
  }
  const size_t colon = line.find(':');
  if (colon != absl::string_view::npos) {
    transfer->response_.headers.emplace_back(
        std::string(line.substr(0, colon)),
        std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
  }
  return count;
}

int Transfer::OnConnected(void* self, char*, char*, int, int) {
  auto* const transfer = static_cast<Transfer*>(self);
  if (transfer->connected_ && !transfer->IsSafe()) {
    // libcurl is about to send it again because a kept connection died without an answer. The
    // application may have acted on what it was sent.
    long sent = 0;  // NOLINT(google-runtime-int): libcurl's type
    curl_easy_getinfo(transfer->easy(), CURLINFO_REQUEST_SIZE, &sent);
    if (sent > 0) return CURL_PREREQFUNC_ABORT;
  }
  transfer->connected_ = true;
  return CURL_PREREQFUNC_OK;
}

absl::StatusOr<HttpResponse> Transfer::Result(CURLcode code) {
  if (code != CURLE_OK) return Error(code);
  long status = 0;  // NOLINT(google-runtime-int): libcurl's type
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  return std::move(response_);
}

absl::Status Transfer::Error(CURLcode code) const {
  if (too_large_) return absl::UnavailableError("the application's answer is too large");
  const char* const reason = message_[0] != '\0' ? message_.data() : curl_easy_strerror(code);
  if (!connected_) {
    return absl::FailedPreconditionError(absl::StrCat("no connection: ", reason));
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return absl::DeadlineExceededError(absl::StrCat("no answer in time: ", reason));
  }
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    return absl::UnavailableError("the connection was lost before an answer came");
  }
  return absl::UnavailableError(absl::StrCat("the connection was lost: ", reason));
}

}  // namespace purser::connectors
