// Bytes to a Request: Beast's HTTP/1 grammar, and the rules that keep a request unambiguous.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "broker/http/server.h"

namespace purser::http {

// Parses one request and writes it straight into a Request; used once. Thread-compatible.
//
// put() reports, besides Beast's own errors: header_limit for all headers together (Beast counts
// what arrives at once), bad_target, bad_transfer_encoding, bad_field (Host).
class RequestParser : public boost::beast::http::basic_parser<true> {
 public:
  explicit RequestParser(const ServerOptions& options);

  // The status with which the server refuses what put() could not take.
  static int StatusOf(const boost::beast::error_code& error);

  // The request so far; path is set from the first line on. To be moved from when is_done().
  Request& request() { return request_; }
  bool head_only() const { return head_only_; }
  bool expects_continue() const { return expects_continue_; }
  // May the connection be used again? HTTP/1.0 is answered and closed.
  bool reusable() const { return http_1_1_ && keep_alive(); }

 private:
  using error_code = boost::beast::error_code;
  using view = boost::beast::string_view;

  void on_request_impl(boost::beast::http::verb verb, view method, view target, int version,
                       error_code& error) override;
  void on_response_impl(int, view, int, error_code&) override {}
  void on_field_impl(boost::beast::http::field field, view name, view value,
                     error_code& error) override;
  void on_header_impl(error_code& error) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& error) override;
  std::size_t on_body_impl(view bytes, error_code& error) override;
  void on_chunk_header_impl(std::uint64_t, view, error_code& error) override { error = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, view bytes, error_code& error) override;
  void on_finish_impl(error_code& error) override { error = {}; }

  const size_t header_limit_bytes_;
  size_t header_bytes_ = 0;
  int hosts_ = 0;
  bool http_1_1_ = true;
  bool in_trailer_ = false;
  bool head_only_ = false;
  bool expects_continue_ = false;
  Request request_;
};

}  // namespace purser::http
