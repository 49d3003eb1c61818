#include "broker/http/response_head.h"

#include <boost/beast/http/status.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace purser::http {
namespace {

void AppendValue(absl::string_view value, std::string* head) {
  for (const char c : value) head->push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
}

bool IsFraming(absl::string_view name) {
  return absl::EqualsIgnoreCase(name, "Content-Length") ||
         absl::EqualsIgnoreCase(name, "Transfer-Encoding") ||
         absl::EqualsIgnoreCase(name, "Connection");
}

}  // namespace

bool HasBody(int status) { return status >= 200 && status != 204 && status != 304; }

void RenderHead(const Response& response, bool keep_alive, absl::string_view date,
                std::string* head) {
  const auto reason = boost::beast::http::obsolete_reason(
      boost::beast::http::int_to_status(static_cast<unsigned>(response.status)));
  head->clear();
  absl::StrAppend(head, "HTTP/1.1 ", response.status, " ",
                  absl::string_view(reason.data(), reason.size()), "\r\nDate: ", date, "\r\n");
  if (!response.content_type.empty()) {
    head->append("Content-Type: ");
    AppendValue(response.content_type, head);
    head->append("\r\n");
  }
  for (const auto& [name, value] : response.headers) {
    if (IsFraming(name)) continue;
    AppendValue(name, head);
    head->append(": ");
    AppendValue(value, head);
    head->append("\r\n");
  }
  if (HasBody(response.status)) {
    absl::StrAppend(head, "Content-Length: ", response.body.size(), "\r\n");
  }
  head->append(keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
}

}  // namespace purser::http
