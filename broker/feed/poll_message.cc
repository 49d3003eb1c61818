#include "broker/feed/poll_message.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/scim/error.h"
#include "broker/scim/json_text.h"
#include "nlohmann/json.hpp"

namespace purser::feed {
namespace {

using nlohmann::json;

constexpr size_t kMaxDescription = 200;

absl::Status Bad(absl::string_view detail) {
  return scim::BadRequest(scim::ErrorType::kInvalidSyntax, detail);
}

std::string Plain(absl::string_view text) {
  std::string plain(text.substr(0, kMaxDescription));
  std::replace_if(
      plain.begin(), plain.end(), [](char c) { return !absl::ascii_isprint(c); }, '?');
  return plain;
}

// It comes to stand in a log line, where what a receiver writes in its own words may not: those may
// be about a person.
std::string CodeOf(absl::string_view error) {
  constexpr size_t kMaxCode = 64;
  const bool code = std::all_of(error.begin(), error.end(),
                                [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
  return code && error.size() <= kMaxCode ? std::string(error) : "other";
}

std::string TextIn(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

absl::Status ReadAcknowledged(const json& list, PollMessage* message) {
  if (!list.is_array()) return Bad("ack is a list of the events' jti");
  for (const json& jti : list) {
    if (!jti.is_string()) return Bad("ack is a list of the events' jti");
    message->acknowledged.push_back(jti.get<std::string>());
  }
  return absl::OkStatus();
}

absl::Status ReadErrors(const json& errors, PollMessage* message) {
  if (!errors.is_object()) return Bad("setErrs is an object, by the events' jti");
  for (const auto& [jti, error] : errors.items()) {
    if (!error.is_object()) return Bad("each of setErrs is an object with err and description");
    message->refused.push_back(RefusedOf(jti, TextIn(error, "err"), TextIn(error, "description")));
  }
  return absl::OkStatus();
}

}  // namespace

RefusedEvent RefusedOf(const std::string& jti, absl::string_view error,
                       absl::string_view description) {
  return {Plain(jti), CodeOf(error), Plain(description)};
}

absl::StatusOr<PollMessage> ParsePoll(absl::string_view body) {
  PollMessage message;
  if (absl::StripAsciiWhitespace(body).empty()) return message;
  ASSIGN_OR_RETURN(const json object, scim::ParseJson(body));
  if (!object.is_object()) return Bad("a poll is a JSON object");
  if (const auto it = object.find("maxEvents"); it != object.end()) {
    if (!it->is_number_unsigned()) return Bad("maxEvents is a whole number from 0 on");
    message.max_events = std::min(it->get<size_t>(), kMaxEventsInPoll);
  }
  if (const auto it = object.find("returnImmediately"); it != object.end()) {
    if (!it->is_boolean()) return Bad("returnImmediately is true or false");
    message.return_immediately = it->get<bool>();
  }
  if (const auto it = object.find("ack"); it != object.end()) {
    RETURN_IF_ERROR(ReadAcknowledged(*it, &message));
  }
  if (const auto it = object.find("setErrs"); it != object.end()) {
    RETURN_IF_ERROR(ReadErrors(*it, &message));
  }
  return message;
}

std::string Signed(const SecurityEvent& event, const SigningKey& key) {
  return key.Sign("secevent+jwt", event.claims);
}

http::Response PollAnswer(std::vector<SecurityEvent> events, bool more,
                          std::shared_ptr<const SigningKey> key) {
  http::Response answer;
  answer.render = [events = std::move(events), more, key = std::move(key)] {
    json sets = json::object();
    for (const SecurityEvent& event : events) sets[event.jti] = Signed(event, *key);
    json body = {{"sets", std::move(sets)}};
    if (more) body["moreAvailable"] = true;
    http::Response response;
    response.content_type = "application/json";
    response.headers.emplace_back("Cache-Control", "no-store");
    response.body = body.dump();
    return response;
  };
  return answer;
}

}  // namespace purser::feed
