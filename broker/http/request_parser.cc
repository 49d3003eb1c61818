#include "broker/http/request_parser.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "broker/http/target.h"

namespace purser::http {
namespace {

namespace beast_http = boost::beast::http;
using beast_http::error;

// A body's memory is taken as it arrives: a Content-Length alone gets no more than this.
constexpr std::uint64_t kReservedAtFirst = 64u << 10;

absl::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }
std::string String(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

RequestParser::RequestParser(const ServerOptions& options)
    : header_limit_bytes_(options.max_header_bytes) {
  header_limit(static_cast<std::uint32_t>(options.max_header_bytes));
  body_limit(options.max_body_bytes);
  eager(true);
  request_.headers.reserve(8);
}

int RequestParser::StatusOf(const boost::beast::error_code& error) {
  if (error == error::body_limit) return 413;
  if (error == error::header_limit) return 431;
  if (error == error::bad_transfer_encoding) return 501;
  return 400;
}

void RequestParser::on_request_impl(beast_http::verb verb, view method, view target, int version,
                                    error_code& error) {
  http_1_1_ = version >= 11;
  head_only_ = verb == beast_http::verb::head;
  header_bytes_ = method.size() + target.size();
  request_.method = String(method);
  if (!ParseTarget(View(target), &request_).ok()) error = error::bad_target;
}

void RequestParser::on_field_impl(beast_http::field field, view name, view value,
                                  error_code& error) {
  header_bytes_ += name.size() + value.size() + 4;
  if (header_bytes_ > header_limit_bytes_) {
    error = error::header_limit;
    return;
  }
  if (in_trailer_) return;
  switch (field) {
    case beast_http::field::host:
      ++hosts_;
      request_.host = String(value);
      break;
    case beast_http::field::expect:
      expects_continue_ = absl::EqualsIgnoreCase(View(value), "100-continue");
      break;
    case beast_http::field::transfer_encoding:
      // Anything else would leave open where the body ends (RFC 9112, section 6.3).
      if (!http_1_1_ || !absl::EqualsIgnoreCase(View(value), "chunked")) {
        error = error::bad_transfer_encoding;
      }
      break;
    default:
      break;
  }
  request_.headers.emplace_back(String(name), String(value));
}

void RequestParser::on_header_impl(error_code& error) {
  in_trailer_ = true;
  // RFC 9112, section 3.2: one Host header, no more and, in HTTP/1.1, no less.
  if (hosts_ > 1 || (http_1_1_ && hosts_ == 0)) error = error::bad_field;
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& length,
                                      error_code& error) {
  error = {};
  if (length) request_.body.reserve(std::min(*length, kReservedAtFirst));
}

std::size_t RequestParser::on_body_impl(view bytes, error_code& error) {
  error = {};
  request_.body.append(bytes.data(), bytes.size());
  return bytes.size();
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, view bytes, error_code& error) {
  return on_body_impl(bytes, error);
}

}  // namespace purser::http
