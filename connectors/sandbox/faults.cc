#include "connectors/sandbox/faults.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "connectors/sandbox/json_access.h"

namespace purser::sandbox {
namespace {

using nlohmann::json;

constexpr std::pair<absl::string_view, FaultKind> kKinds[] = {
    {"none", FaultKind::kNone},
    {"status", FaultKind::kStatus},
    {"throttle", FaultKind::kThrottle},
    {"stall", FaultKind::kStall},
    {"slow", FaultKind::kSlow},
    {"drop_before", FaultKind::kDropBefore},
    {"commit_then_drop", FaultKind::kCommitThenDrop},
    {"commit_then_status", FaultKind::kCommitThenStatus},
    {"late_effect", FaultKind::kLateEffect},
    {"false_success", FaultKind::kFalseSuccess},
    {"bad_json", FaultKind::kBadJson},
    {"html", FaultKind::kHtml},
    {"redirect", FaultKind::kRedirect},
    {"ignore_filter", FaultKind::kIgnoreFilter},
    {"expire_credential", FaultKind::kExpireCredential},
};

// Refuses a member that is none of `known`: a misspelt fault would pass for no fault.
absl::Status OnlyKnown(const json& object, std::initializer_list<absl::string_view> known) {
  if (!object.is_object()) return absl::InvalidArgumentError("an object is wanted");
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown member: ", name));
    }
  }
  return absl::OkStatus();
}

// Refuses a member of another type, which would pass for one that is left out.
absl::Status OnlyNumbers(const json& object, std::initializer_list<absl::string_view> names) {
  for (absl::string_view name : names) {
    const json* value = Member(object, name);
    if (value != nullptr && !value->is_number()) {
      return absl::InvalidArgumentError(absl::StrCat(name, " must be a number"));
    }
  }
  return absl::OkStatus();
}

absl::Status OnlyTexts(const json& object) {
  for (const auto& [name, value] : object.items()) {
    if (!value.is_string())
      return absl::InvalidArgumentError(absl::StrCat(name, " must be a string"));
  }
  return absl::OkStatus();
}

std::optional<absl::Duration> Milliseconds(const json& object, absl::string_view name) {
  const json* value = Member(object, name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return absl::Milliseconds(value->get<double>());
}

int64_t IntegerOr(const json& object, absl::string_view name, int64_t fallback) {
  const json* value = Member(object, name);
  return value == nullptr ? fallback : AsInteger(*value).value_or(fallback);
}

void ParseAnswer(const json& document, Fault* fault) {
  const json* retry = Member(document, "retry_after");
  if (retry != nullptr) {
    fault->retry_after = retry->is_string() ? retry->get<std::string>() : Dump(*retry);
  }
  if (const json* seconds = Member(document, "retry_after_date_in"); seconds != nullptr) {
    fault->retry_after_date_in = absl::Seconds(AsInteger(*seconds).value_or(0));
  }
  if (const json* body = Member(document, "body"); body != nullptr) {
    fault->body = body->is_string() ? body->get<std::string>() : Dump(*body);
  }
  fault->content_type = TextMember(document, "content_type");
  const json* headers = Member(document, "headers");
  if (headers == nullptr || !headers->is_object()) return;
  for (const auto& [name, value] : headers->items()) {
    fault->headers.emplace_back(name, value.is_string() ? value.get<std::string>() : Dump(value));
  }
}

}  // namespace

absl::StatusOr<Fault> ParseFault(const json& document) {
  RETURN_IF_ERROR(
      OnlyKnown(document, {"kind", "status", "effect", "retry_after", "retry_after_date_in",
                           "delay_ms", "hold_ms", "body", "content_type", "headers"}));
  RETURN_IF_ERROR(OnlyNumbers(document, {"status", "retry_after_date_in", "delay_ms", "hold_ms"}));
  Fault fault;
  fault.name = TextMember(document, "kind");
  const auto kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                 [&](const auto& known) { return known.first == fault.name; });
  if (kind == std::end(kKinds)) {
    return absl::InvalidArgumentError(absl::StrCat("unknown kind of fault: ", fault.name));
  }
  fault.kind = kind->second;
  fault.status = static_cast<int>(IntegerOr(document, "status", 0));
  if (fault.status != 0 && (fault.status < 200 || fault.status > 599)) {
    return absl::InvalidArgumentError("status must be from 200 to 599");
  }
  const json* effect = Member(document, "effect");
  fault.effect =
      effect == nullptr ? fault.kind == FaultKind::kBadJson : AsBoolean(*effect).value_or(false);
  fault.delay = Milliseconds(document, "delay_ms");
  fault.hold = Milliseconds(document, "hold_ms");
  ParseAnswer(document, &fault);
  return fault;
}

absl::StatusOr<Faults::Rule> Faults::ParseRule(const json& document) {
  RETURN_IF_ERROR(OnlyKnown(
      document, {"name", "match", "fault", "times", "after", "probability", "seed", "met"}));
  RETURN_IF_ERROR(OnlyNumbers(document, {"times", "after", "probability", "seed"}));
  Rule rule;
  rule.document = document;
  rule.document.erase("met");
  const json* match = Member(document, "match");
  if (match != nullptr) {
    RETURN_IF_ERROR(OnlyKnown(*match, {"app", "method", "path_contains", "subject", "operation"}));
    RETURN_IF_ERROR(OnlyTexts(*match));
    rule.app = TextMember(*match, "app");
    rule.method = TextMember(*match, "method");
    rule.path_contains = TextMember(*match, "path_contains");
    rule.subject = TextMember(*match, "subject");
    rule.operation = TextMember(*match, "operation");
  }
  const json* fault = Member(document, "fault");
  if (fault == nullptr) return absl::InvalidArgumentError("it has no fault");
  ASSIGN_OR_RETURN(rule.fault, ParseFault(*fault));
  rule.times = IntegerOr(document, "times", -1);
  rule.after = IntegerOr(document, "after", 0);
  const json* probability = Member(document, "probability");
  if (probability != nullptr) rule.probability = *probability;
  rule.dice.seed(static_cast<uint64_t>(IntegerOr(document, "seed", 1)));
  return rule;
}

absl::Status Faults::Set(const json& document) {
  const json* rules = document.is_array() ? &document : Member(document, "rules");
  if (!document.is_array()) RETURN_IF_ERROR(OnlyKnown(document, {"rules", "settings"}));
  std::vector<Rule> parsed;
  if (rules != nullptr) {
    if (!rules->is_array()) return absl::InvalidArgumentError("rules must be a list");
    for (const json& rule : *rules) {
      absl::StatusOr<Rule> one = ParseRule(rule);
      if (!one.ok()) {
        return Annotate(one.status(), absl::StrCat("fault rule ", parsed.size() + 1));
      }
      parsed.push_back(*std::move(one));
    }
  }
  MutexLock lock(&mutex_);
  rules_ = std::move(parsed);
  return absl::OkStatus();
}

json Faults::Get() const {
  MutexLock lock(&mutex_);
  json rules = json::array();
  for (const Rule& rule : rules_) {
    json document = rule.document;
    document["met"] = rule.met;
    rules.push_back(std::move(document));
  }
  return {{"rules", rules}};
}

bool Faults::Matches(const Rule& rule, absl::string_view app, const Call& call) {
  const auto same = [](absl::string_view wanted, absl::string_view actual) {
    return wanted.empty() || absl::EqualsIgnoreCase(wanted, actual);
  };
  return same(rule.app, app) && same(rule.method, call.request.method) &&
         same(rule.operation, call.operation) &&
         absl::StrContains(call.request.path, rule.path_contains) &&
         (same(rule.subject, call.id) || same(rule.subject, call.name));
}

bool Faults::Strikes(Rule* rule) {
  if (rule->times == 0) return false;
  if (rule->after > 0) {
    --rule->after;
    return false;
  }
  const double thrown = std::uniform_real_distribution<double>(0, 1)(rule->dice);
  if (thrown >= rule->probability) return false;
  if (rule->times > 0) --rule->times;
  ++rule->met;
  return true;
}

FaultChoice Faults::Choose(absl::string_view app, const Call& call) {
  FaultChoice choice;
  MutexLock lock(&mutex_);
  for (Rule& rule : rules_) {
    if (!Matches(rule, app, call) || !Strikes(&rule)) continue;
    if (rule.fault.kind != FaultKind::kSlow) {
      choice.fault = rule.fault;
      break;
    }
    choice.delay += rule.fault.delay.value_or(absl::Seconds(1));
  }
  return choice;
}

}  // namespace purser::sandbox
