#include "tests/support/delivery/fake_app.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace purser {
namespace {

using connectors::Attributes;
using connectors::Call;
using connectors::RemoteResource;
using connectors::ResourceType;
using connectors::Result;
using connectors::Verdict;

Result Answer(Verdict verdict, int status = 0) {
  Result result;
  result.verdict = verdict;
  result.http_status = status;
  result.message = absl::StrCat("HTTP ", status);
  return result;
}

std::string Lower(const std::string& text) { return absl::AsciiStrToLower(text); }

std::string TextOf(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string NameIn(ResourceType type, const Attributes& values) {
  const auto it = values.find(FakeApp::NameOf(type));
  return it == values.end() ? "" : TextOf(it->second);
}

std::string BodyOf(const Attributes& values) {
  std::string body;
  for (const auto& [target, value] : values) absl::StrAppend(&body, target, "=", value.dump(), ";");
  return body;
}

RemoteResource Show(const FakeApp::Account& account) {
  RemoteResource shown;
  shown.id = account.id;
  shown.attributes = account.values;
  shown.active = account.active;
  shown.member_ids = account.members;
  return shown;
}

void Take(const Attributes& values, FakeApp::Account* account) {
  for (const auto& [target, value] : values) {
    account->values[target] = value;
    if (target == "active" && value.is_boolean()) account->active = value.get<bool>();
  }
}

class FakeConnector : public connectors::Connector {
 public:
  FakeConnector(FakeApp* app, FakeApp::Post post) : app_(app), post_(std::move(post)) {}

  const connectors::Capabilities& capabilities() const override {
    return app_->options.capabilities;
  }

  void Check(const Call& call, connectors::CheckDone done) override {
    Arrive(
        {.verb = "check"}, call, [](bool*) { return Answer(Verdict::kDone, 200); },
        std::move(done));
  }

  void Find(ResourceType type, const std::string& attribute, const std::string& value,
            const Call& call, connectors::ResourcesDone done) override {
    auto found = std::make_shared<std::vector<RemoteResource>>();
    const auto look = [app = app_, type, attribute, value, found](bool*) {
      for (const auto& [id, account] : app->Of(type)) {
        const auto it = account.values.find(attribute);
        const bool hit = it != account.values.end() && Lower(TextOf(it->second)) == Lower(value);
        if (app->hidden.contains(Lower(NameIn(type, account.values)))) continue;
        if (hit || app->options.ignores_filter) found->push_back(Show(account));
      }
      return Answer(Verdict::kDone, 200);
    };
    Arrive({.verb = "find", .type = type, .name = value}, call, look,
           [found, done = std::move(done)](const Result& result) { done(result, *found); });
  }

  void Read(ResourceType type, const std::string& id, bool with_members, const Call& call,
            connectors::ResourcesDone done) override {
    auto found = std::make_shared<std::vector<RemoteResource>>();
    const auto look = [app = app_, type, id, with_members, found](bool*) {
      const auto it = app->Of(type).find(id);
      if (it == app->Of(type).end()) return Answer(Verdict::kNotFound, 404);
      found->push_back(Show(it->second));
      if (!with_members) found->back().member_ids.clear();
      return Answer(Verdict::kDone, 200);
    };
    Arrive({.verb = "read", .type = type, .id = id}, call, look,
           [found, done = std::move(done)](const Result& result) { done(result, *found); });
  }

  void List(ResourceType, const std::string&, const Call&, PageDone done) override {
    done(Answer(Verdict::kUnsupported), {});
  }

  void Create(ResourceType type, const Attributes& wanted, const Call& call,
              connectors::WriteDone done) override {
    auto made = std::make_shared<RemoteResource>();
    const auto create = [app = app_, type, wanted, made](bool* changed) {
      const std::string name = NameIn(type, wanted);
      if (app->options.unique_names && app->Find(type, name) != nullptr) {
        return Answer(Verdict::kConflict, 409);
      }
      FakeApp::Account account;
      account.id = app->NewId();
      Take(wanted, &account);
      *made = Show(account);
      app->Of(type)[account.id] = std::move(account);
      *changed = true;
      return Answer(Verdict::kDone, 201);
    };
    Write({.verb = "create", .type = type, .name = NameIn(type, wanted), .body = BodyOf(wanted)},
          call, create, made, std::move(done));
  }

  void Update(ResourceType type, const std::string& id, const connectors::Changes& changes,
              const Call& call, connectors::WriteDone done) override {
    const auto update = [app = app_, type, id, changes](bool* changed) {
      const auto it = app->Of(type).find(id);
      if (it == app->Of(type).end()) return Answer(Verdict::kNotFound, 404);
      const std::string name = NameIn(type, changes.set);
      const FakeApp::Account* other = name.empty() ? nullptr : app->Find(type, name);
      if (app->options.unique_names && other != nullptr && other->id != id) {
        return Answer(Verdict::kConflict, 409);
      }
      Take(changes.set, &it->second);
      for (const std::string& target : changes.clear) it->second.values.erase(target);
      *changed = true;
      return Answer(Verdict::kDone, 200);
    };
    Write({.verb = "update",
           .type = type,
           .id = id,
           .name = NameIn(type, changes.set),
           .body = BodyOf(changes.set) + "-" + absl::StrJoin(changes.clear, ",")},
          call, update, nullptr, std::move(done));
  }

  void SetActive(const std::string& id, bool active, const Call& call,
                 connectors::WriteDone done) override {
    const auto set = [app = app_, id, active](bool* changed) {
      const auto it = app->users.find(id);
      if (it == app->users.end()) return Answer(Verdict::kNotFound, 404);
      Take({{"active", active}}, &it->second);
      *changed = true;
      return Answer(Verdict::kDone, 200);
    };
    Write({.verb = active ? "activate" : "disable", .id = id}, call, set, nullptr, std::move(done));
  }

  void Delete(ResourceType type, const std::string& id, const Call& call,
              connectors::WriteDone done) override {
    const auto remove = [app = app_, type, id](bool* changed) {
      const auto it = app->Of(type).find(id);
      if (it == app->Of(type).end()) return Answer(Verdict::kNotFound, 404);
      if (app->refuses_delete) return Answer(Verdict::kUnsupported, 405);
      *changed = true;
      if (app->options.capabilities.delete_keeps_account) {
        Take({{"active", false}}, &it->second);
        return Answer(Verdict::kDone, 200);
      }
      app->Of(type).erase(it);
      for (auto& [group_id, group] : app->groups) group.members.erase(id);
      return Answer(Verdict::kDone, 204);
    };
    Write({.verb = "delete", .type = type, .id = id}, call, remove, nullptr, std::move(done));
  }

  void ChangeMembers(const std::string& group_id, const connectors::MemberChanges& changes,
                     const Call& call, connectors::WriteDone done) override {
    const auto change = [app = app_, group_id, changes](bool* changed) {
      const auto it = app->groups.find(group_id);
      if (it == app->groups.end()) return Answer(Verdict::kNotFound, 404);
      for (const std::string& id : changes.add) {
        const bool known = app->users.contains(id) || app->groups.contains(id);
        if (!known) return Answer(Verdict::kRefused, 400);
      }
      it->second.members.insert(changes.add.begin(), changes.add.end());
      for (const std::string& id : changes.remove) it->second.members.erase(id);
      *changed = true;
      return Answer(Verdict::kDone, 200);
    };
    Write({.verb = "members",
           .type = ResourceType::kGroup,
           .id = group_id,
           .body = absl::StrCat("+", absl::StrJoin(changes.add, ","), " -",
                                absl::StrJoin(changes.remove, ","))},
          call, change, nullptr, std::move(done));
  }

 private:
  void Write(AppCall arrived, const Call& call, const FakeApp::Effect& effect,
             std::shared_ptr<RemoteResource> made, connectors::WriteDone done) {
    arrived.operation_id = call.operation_id;
    Arrive(std::move(arrived), call, effect, [made, done = std::move(done)](const Result& result) {
      done(result, made == nullptr ? RemoteResource() : *made);
    });
  }
  void Arrive(AppCall arrived, const Call& call, const FakeApp::Effect& effect,
              std::function<void(const Result&)> reply) {
    if (post_) {
      reply = [post = post_, reply = std::move(reply)](const Result& result) {
        post([reply, result] { reply(result); });
      };
    }
    app_->Arrive(std::move(arrived), call, effect, std::move(reply));
  }

  FakeApp* const app_;
  const FakeApp::Post post_;
};

// What the program sees of a fault; kDone where the effect's own answer stands.
Result Seen(Fault fault, const FakeApp& app) {
  switch (fault) {
    case Fault::kNone:
      return Answer(Verdict::kDone);
    case Fault::kLostBefore:
    case Fault::kLostAfter:
    case Fault::kLostLate:
      return Answer(Verdict::kInDoubt);
    case Fault::kThrottled: {
      Result result = Answer(Verdict::kThrottled, 429);
      result.retry_after = app.retry_after;
      return result;
    }
    case Fault::kUnauthenticated:
      return Answer(Verdict::kUnauthenticated, 401);
    case Fault::kNotConfigured: {
      Result result = Answer(Verdict::kUnauthenticated, 0);
      result.not_configured = true;
      result.message = "${env:TOKEN} is not set";
      return result;
    }
    case Fault::kRefused:
      return Answer(Verdict::kRefused, 400);
    case Fault::kServerError:
    case Fault::kServerErrorAfter:
      return Answer(Verdict::kInDoubt, 500);
    case Fault::kUnavailable:
      return Answer(Verdict::kUnavailable, 503);
    case Fault::kNotTheProtocol:
      return Answer(Verdict::kNotTheProtocol, 302);
  }
  return {};
}

// As a SCIM connector would tell of it: no names, no values.
connectors::Exchange ExchangeOf(const AppCall& call, int status) {
  const bool user = call.type == ResourceType::kUser;
  std::string url = absl::StrCat("https://app.test/", user ? "Users" : "Groups");
  if (!call.id.empty()) absl::StrAppend(&url, "/", call.id);
  return {.method = call.verb == "create" ? "POST"
                    : call.writes()       ? "PATCH"
                                          : "GET",
          .url = std::move(url),
          .status = status,
          .summary = call.writes() ? "sent fields" : ""};
}

}  // namespace

std::unique_ptr<connectors::Connector> FakeApp::Connect(Post post) {
  return std::make_unique<FakeConnector>(this, std::move(post));
}

void FakeApp::Arrive(AppCall call, const connectors::Call& asked, const Effect& effect,
                     std::function<void(const Result&)> reply) {
  const absl::Duration timeout = asked.timeout;
  call.request_id = asked.request_id;
  call.trace_parent = asked.trace_parent;
  const absl::Duration now = clock_->SinceBoot();
  call.at = now;
  call.fault = fault ? fault(call) : Fault::kNone;
  const bool lost = call.fault == Fault::kLostBefore || call.fault == Fault::kLostAfter ||
                    call.fault == Fault::kLostLate;
  Result result = Seen(call.fault, *this);
  bool changed = false;
  if (call.fault == Fault::kNone) {
    result = effect(&changed);
  } else if (call.fault == Fault::kLostAfter || call.fault == Fault::kServerErrorAfter) {
    effect(&changed);
  } else if (call.fault == Fault::kLostLate && call.writes()) {
    late.emplace(now + timeout + absl::Seconds(1),
                 [this, effect, at = calls.size()] { effect(&calls[at].took_effect); });
  }
  call.took_effect = changed && call.writes();
  result.exchange = ExchangeOf(call, result.http_status);
  calls.push_back(std::move(call));
  replies_.emplace(now + (lost ? timeout : options.latency),
                   [reply = std::move(reply), result] { reply(result); });
}

bool FakeApp::RunOnce() {
  const absl::Duration now = clock_->SinceBoot();
  if (!late.empty() && late.begin()->first <= now) {
    const auto effect = late.begin()->second;
    late.erase(late.begin());
    effect();
    return true;
  }
  if (replies_.empty() || replies_.begin()->first > now) return false;
  const auto reply = replies_.begin()->second;
  replies_.erase(replies_.begin());
  reply();
  return true;
}

absl::Duration FakeApp::NextDue() const {
  absl::Duration due = absl::InfiniteDuration();
  if (!late.empty()) due = std::min(due, late.begin()->first);
  if (!replies_.empty()) due = std::min(due, replies_.begin()->first);
  return due;
}

FakeApp::Account* FakeApp::Find(ResourceType type, const std::string& name) {
  for (auto& [id, account] : Of(type)) {
    if (Lower(NameIn(type, account.values)) == Lower(name)) return &account;
  }
  return nullptr;
}

std::set<std::string> FakeApp::Names(ResourceType type) const {
  std::set<std::string> names;
  for (const auto& [id, account] : type == ResourceType::kGroup ? groups : users) {
    names.insert(NameIn(type, account.values));
  }
  return names;
}

int FakeApp::Count(const std::string& verb, const std::string& name) const {
  return static_cast<int>(std::count_if(calls.begin(), calls.end(), [&](const AppCall& call) {
    return call.verb == verb && (name.empty() || call.name == name || call.id == name);
  }));
}

int FakeApp::Writes() const {
  return static_cast<int>(
      std::count_if(calls.begin(), calls.end(), [](const AppCall& call) { return call.writes(); }));
}

FakeApp::Account& FakeApp::Add(ResourceType type, const std::string& name) {
  Account account;
  account.id = NewId();
  account.values[NameOf(type)] = name;
  account.values["active"] = true;
  return Of(type)[account.id] = account;
}

}  // namespace purser
