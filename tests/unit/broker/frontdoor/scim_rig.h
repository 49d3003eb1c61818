// A directory behind its front door, on an embedded log in a folder of its own; no sockets.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/eventlog/sqlite/sqlite_event_log.h"
#include "broker/frontdoor/scim_endpoints.h"
#include "nlohmann/json.hpp"
#include "tests/support/temp_dir.h"

namespace purser {

using nlohmann::json;

inline constexpr char kUserUrn[] = "urn:ietf:params:scim:schemas:core:2.0:User";
inline constexpr char kGroupUrn[] = "urn:ietf:params:scim:schemas:core:2.0:Group";
inline constexpr char kErrorUrn[] = "urn:ietf:params:scim:api:messages:2.0:Error";
inline constexpr char kSecret[] = "a-secret-of-the-tests-0000000000000000000000";

// A log that a test can break.
class BreakableLog : public EventLog {
 public:
  explicit BreakableLog(EventLog* inner) : inner_(inner) {}

  void Open(const StreamId& s, HeadDone done) override { inner_->Open(s, std::move(done)); }
  void Append(const StreamId& s, const Head& head, std::vector<Record> records,
              AppendDone done) override {
    ++appends;
    if (!append_status.ok()) return done({append_status, 0});
    if (lost_race_after.has_value()) {
      records.resize(std::min(records.size(), *lost_race_after));
      const AppendResult lost{absl::AbortedError("another came first"), records.size()};
      lost_race_after.reset();
      if (records.empty()) return done(lost);
      return inner_->Append(s, head, std::move(records),
                            [done, lost](const AppendResult&) { done(lost); });
    }
    inner_->Append(s, head, std::move(records), std::move(done));
  }
  void AppendUnchained(const StreamId& s, std::string bytes) override {
    unchained.emplace_back(s, std::move(bytes));
  }
  uint64_t unchained_dropped() const override { return 0; }
  void CatchUp(const StreamId& s, absl::Duration deadline, HeadDone done) override {
    if (!catch_up_status.ok()) return done(catch_up_status);
    inner_->CatchUp(s, deadline, std::move(done));
  }
  absl::StatusOr<Head> KnownHead(const StreamId& s) const override { return inner_->KnownHead(s); }
  absl::StatusOr<std::vector<StoredRecord>> Read(const StreamId& s, StreamPosition after,
                                                 size_t records, size_t bytes) const override {
    return inner_->Read(s, after, records, bytes);
  }
  absl::Status Health(const StreamId& s) const override {
    return health.ok() ? inner_->Health(s) : health;
  }
  void SetListener(std::function<void(const StreamId&)> listener) override {
    inner_->SetListener(std::move(listener));
  }
  bool RunOnce(absl::Duration max_wait) override { return inner_->RunOnce(max_wait); }
  void Wake() override { inner_->Wake(); }

  int appends = 0;
  absl::Status append_status;
  std::optional<size_t> lost_race_after;  // of the next append so many records stand, no more
  absl::Status catch_up_status;
  absl::Status health;
  std::vector<std::pair<StreamId, std::string>> unchained;

 private:
  EventLog* const inner_;
};

struct Answer {
  int status = 0;
  std::string body;
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;

  // Empty where it is not there.
  std::string Header(const std::string& name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return "";
  }
  json Json() const { return json::parse(body, nullptr, false); }
  std::string id() const { return Json().value("id", ""); }
  std::string scim_type() const { return Json().value("scimType", ""); }
};

class ScimRig : public testing::Test {
 protected:
  ScimRig() : ScimRig(fake_clock_) {}
  explicit ScimRig(const Clock& clock) : clock_(clock) {
    sqlite_ = *SqliteEventLog::Create({.folder = dir_ / "log"});
    log_ = std::make_unique<BreakableLog>(sqlite_.get());
    log_->SetListener([this](const StreamId&) { directory_->writer().NewRecords(); });
    log_->Open(StreamId::Directory("d1"), [](const absl::StatusOr<Head>&) {});
    log_->RunOnce(absl::ZeroDuration());
    directory_ = *DirectoryService::Open(
        dir_ / "d1.db", "d1", log_.get(), &clock_, [](const auto& work) { work(); },
        [this] { log_->Wake(); });
    auth::Tokens tokens;
    *tokens.Add() = auth::TokenOf(kSecret, "t1", auth::Role::kScim, absl::InfiniteFuture());
    tokens_.Put("d1", tokens);
    refused_ = std::make_unique<RefusedRequests>(log_.get(), &clock_, &metrics_);
    endpoints_ = std::make_unique<ScimEndpoints>(ScimEndpoints::Options{.tokens = &tokens_,
                                                                        .clock = &clock_,
                                                                        .ids = &RandomIdSource(),
                                                                        .run_read = nullptr,
                                                                        .refused = refused_.get()});
  }

  using Pairs = std::vector<std::pair<std::string, std::string>>;

  static http::Request Request(const std::string& method, const std::string& path,
                               const std::string& body = "", const Pairs& headers = {},
                               const Pairs& query = {}) {
    http::Request request;
    request.method = method;
    request.path = absl::StrCat("/scim/v2", path);
    request.query = query;
    request.headers = headers;  // A header given first is the one that counts.
    request.headers.emplace_back("Authorization", absl::StrCat("Bearer ", kSecret));
    request.headers.emplace_back("Content-Type", "application/scim+json");
    request.body = body;
    request.scheme = "https";
    request.host = "id.example.com";
    return request;
  }

  static Answer Finished(http::Response response) {
    if (response.render) response = response.render();
    return {response.status, response.body, response.content_type, response.headers};
  }

  // Hands the request in; the answer is there once it was driven far enough.
  std::shared_ptr<std::optional<Answer>> Send(http::Request request) {
    auto answer = std::make_shared<std::optional<Answer>>();
    endpoints_->Handle(std::move(request),
                       [answer](http::Response response) {
                         EXPECT_FALSE(answer->has_value()) << "answered twice";
                         *answer = Finished(std::move(response));
                       },
                       directory_.get(), "/scim/v2",
                       {public_url_, clear_values_, schemas_, limits_});
    return answer;
  }
  void Drive() {
    while (directory_->writer().RunOnce() | log_->RunOnce(absl::ZeroDuration())) {
    }
  }
  Answer Call(const std::string& method, const std::string& path, const std::string& body = "",
              const Pairs& headers = {}, const Pairs& query = {}) {
    auto answer = Send(Request(method, path, body, headers, query));
    Drive();
    EXPECT_TRUE(answer->has_value()) << method << " " << path << " was not answered";
    return answer->value_or(Answer());
  }
  Answer Get(const std::string& path, const Pairs& headers = {}, const Pairs& query = {}) {
    return Call("GET", path, "", headers, query);
  }
  Answer List(const std::string& path, const Pairs& query) { return Get(path, {}, query); }

  static std::string UserBody(const std::string& name, const json& more = json::object()) {
    json user = {{"schemas", {kUserUrn}}, {"userName", name}};
    user.update(more);
    return user.dump();
  }
  std::string CreateUser(const std::string& name, const json& more = json::object()) {
    const Answer created = Call("POST", "/Users", UserBody(name, more));
    EXPECT_EQ(created.status, 201) << created.body;
    return created.id();
  }
  static json MemberList(const std::vector<std::string>& ids) {
    json members = json::array();
    for (const std::string& id : ids) members.push_back({{"value", id}});
    return members;
  }
  std::string CreateGroup(const std::string& name, const std::vector<std::string>& members = {}) {
    const json group = {
        {"schemas", {kGroupUrn}}, {"displayName", name}, {"members", MemberList(members)}};
    const Answer created = Call("POST", "/Groups", group.dump());
    EXPECT_EQ(created.status, 201) << created.body;
    return created.id();
  }
  static std::string PatchBody(const json& operations) {
    return json({{"schemas", {"urn:ietf:params:scim:api:messages:2.0:PatchOp"}},
                 {"Operations", operations}})
        .dump();
  }
  Answer Patch(const std::string& path, const json& operation, const Pairs& headers = {},
               const Pairs& query = {}) {
    return Call("PATCH", path, PatchBody(json::array({operation})), headers, query);
  }

  TempDir dir_;
  FakeClock fake_clock_;
  const Clock& clock_;
  std::string public_url_;
  scim::ClearValues clear_values_;
  scim::SchemaSetPtr schemas_ = scim::StandardSchemas();
  RequestLimits limits_;
  std::unique_ptr<SqliteEventLog> sqlite_;
  std::unique_ptr<BreakableLog> log_;
  std::unique_ptr<DirectoryService> directory_;
  auth::TokenTable tokens_;
  MetricsRegistry metrics_;
  std::unique_ptr<RefusedRequests> refused_;
  std::unique_ptr<ScimEndpoints> endpoints_;
};

}  // namespace purser
