#include "connectors/scim/scim_connector.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "broker/base/ids.h"
#include "broker/base/status.h"
#include "connectors/api/verdicts.h"

namespace purser::connectors {
namespace {

using nlohmann::json;
using scim::Expected;

constexpr int kPageSize = 100;

std::string EndpointOf(ResourceType type) {
  return type == ResourceType::kUser ? "Users" : "Groups";
}

std::string What(absl::string_view verb, ResourceType type) {
  return absl::StrCat(verb, " a ", type == ResourceType::kUser ? "user" : "group");
}

std::vector<std::string> NamesOf(const Changes& changes) {
  std::vector<std::string> names;
  for (const auto& [target, value] : changes.set) names.push_back(target);
  names.insert(names.end(), changes.clear.begin(), changes.clear.end());
  return names;
}

std::vector<std::string> NamesOf(const Attributes& attributes) {
  return NamesOf(Changes{.set = attributes});
}

Query WithoutMembers(ResourceType type, Query query) {
  if (type == ResourceType::kGroup) query.emplace_back("excludedAttributes", "members");
  return query;
}

// A list's cursor: the next startIndex, and the first id of the page before, by which a server that
// answers every page with the first is known.
struct Cursor {
  int64_t start = 1;
  std::string first_id;
};

Cursor ParseCursor(const std::string& text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  Cursor cursor;
  if (absl::SimpleAtoi(parts.first, &cursor.start) && cursor.start > 0) {
    cursor.first_id = parts.second;
  } else {
    cursor.start = 1;
  }
  return cursor;
}

// The cursor after a page; empty where that was the last.
std::string CursorAfter(const Cursor& cursor, const scim::ListPage& page,
                        const std::string& first_id) {
  const auto count = static_cast<int64_t>(page.resources.size());
  const int64_t next = cursor.start + count;
  if (count == 0 || (page.total.has_value() && next > *page.total)) return "";
  if (!cursor.first_id.empty() && cursor.first_id == first_id) return "";
  return absl::StrCat(next, ":", first_id);
}

std::vector<RemoteResource> ParseAll(const scim::Targets& targets, const json& resources) {
  std::vector<RemoteResource> parsed;
  for (const json& body : resources) {
    RemoteResource resource = scim::ParseResource(targets, body);
    if (!resource.id.empty()) parsed.push_back(std::move(resource));
  }
  return parsed;
}

}  // namespace

struct ScimConnector::Search {
  ResourceType type;
  std::string filter;
  Attempt attempt;
  ResourcesDone done;
  Cursor cursor;
  std::vector<RemoteResource> hits;
};

absl::StatusOr<std::unique_ptr<ScimConnector>> ScimConnector::Make(const config::v1::App& app,
                                                                   HttpClient* http,
                                                                   SecretResolver secrets,
                                                                   const Clock& clock) {
  if (app.url().empty()) return absl::InvalidArgumentError("url is missing");
  const config::v1::BearerToken& token = app.credentials().bearer_token();
  if (token.secret().empty()) {
    return absl::InvalidArgumentError("credentials.bearer_token.secret is missing");
  }
  ASSIGN_OR_RETURN(scim::Targets users, scim::Targets::Of(app.users()));
  ASSIGN_OR_RETURN(scim::Targets groups, scim::Targets::Of(app.groups()));
  Login login{.secrets = {token.secret()}, .authorization = [](const std::string& secret) {
                return absl::StatusOr<std::string>(absl::StrCat("Bearer ", secret));
              }};
  if (!token.second_secret().empty()) login.secrets.push_back(token.second_secret());
  AppClient client(http, std::move(secrets), std::move(login), "application/scim+json", clock);
  return std::unique_ptr<ScimConnector>(
      new ScimConnector(app, std::move(client), std::move(users), std::move(groups)));
}

ScimConnector::ScimConnector(const config::v1::App& app, AppClient client, scim::Targets users,
                             scim::Targets groups)
    : app_(app),
      capabilities_{.groups = app.groups().enabled() == config::v1::ON,
                    .deletes = !app.dialect().no_delete()},
      users_(std::move(users)),
      groups_(std::move(groups)),
      client_(std::move(client)) {}

const scim::Targets& ScimConnector::TargetsOf(ResourceType type) const {
  return type == ResourceType::kUser ? users_ : groups_;
}

int ScimConnector::PageSize() const {
  const uint32_t size = app_.dialect().page_size();
  return size == 0 ? kPageSize : static_cast<int>(size);
}

void ScimConnector::Send(const Attempt& attempt, Ask ask, AppClient::AnswerDone done) {
  const absl::StatusOr<std::string> base = client_.Resolve(app_.url());
  if (!base.ok()) {
    Answer missing;
    missing.result = AppClient::ResultOfMissing(ask.what, base.status());
    return done(std::move(missing));
  }
  Request request{.what = ask.what,
                  .method = ask.method,
                  .url = JoinUrl(*base, ask.segments, ask.query),
                  .body = std::move(ask.body),
                  .fields = ask.fields};
  if (!ask.if_match.empty()) request.headers.emplace_back("If-Match", ask.if_match);
  client_.Send(attempt, std::move(request),
               [expected = ask.expected, fields = std::move(ask.fields),
                done = std::move(done)](Answer answer) {
                 scim::JudgeAnswer(expected, fields, &answer);
                 done(std::move(answer));
               });
}

void ScimConnector::Check(const Call& call, CheckDone done) {
  // The question every provider asks to test a connection: a user who cannot exist.
  const std::string nobody =
      call.request_id.empty() ? RandomIdSource().NewId(client_.Now()) : call.request_id;
  Ask ask{.what = "test the connection",
          .method = "GET",
          .segments = {"Users"},
          .query = {{"filter", absl::StrCat("userName eq ", ToText(json(nobody)))}},
          .expected = Expected::kList};
  Send(client_.Begin(call), std::move(ask),
       [done = std::move(done)](Answer answer) { done(OfQuestion(std::move(answer.result))); });
}

void ScimConnector::Find(ResourceType type, const std::string& attribute, const std::string& value,
                         const Call& call, ResourcesDone done) {
  const absl::StatusOr<scim::TargetPath> path = TargetsOf(type).Find(attribute);
  if (!path.ok()) {
    return done(MakeResult(Verdict::kRefused, What("find", type), path.status().message()), {});
  }
  auto search = std::make_shared<Search>(Search{.type = type,
                                                .filter = scim::FilterFor(*path, value),
                                                .attempt = client_.Begin(call),
                                                .done = std::move(done)});
  NextHits(std::move(search));
}

void ScimConnector::NextHits(std::shared_ptr<Search> search) {
  Ask ask{.what = What("find", search->type),
          .method = "GET",
          .segments = {EndpointOf(search->type)},
          .query = WithoutMembers(search->type, {{"filter", search->filter},
                                                 {"startIndex", absl::StrCat(search->cursor.start)},
                                                 {"count", absl::StrCat(PageSize())}}),
          .expected = Expected::kList};
  const Attempt attempt = search->attempt;
  Send(attempt, std::move(ask), [this, search](Answer answer) {
    if (!answer.result.ok()) return search->done(OfQuestion(answer.result), {});
    const scim::ListPage page = scim::ParseList(answer.body);
    std::vector<RemoteResource> hits = ParseAll(TargetsOf(search->type), page.resources);
    const std::string first_id = hits.empty() ? "" : hits[0].id;
    const std::string next = CursorAfter(search->cursor, page, first_id);
    std::move(hits.begin(), hits.end(), std::back_inserter(search->hits));
    if (next.empty()) return search->done(std::move(answer.result), std::move(search->hits));
    search->cursor = ParseCursor(next);
    NextHits(search);
  });
}

void ScimConnector::Read(ResourceType type, const std::string& id, bool with_members,
                         const Call& call, ResourcesDone done) {
  Ask ask{.what = What("read", type),
          .method = "GET",
          .segments = {EndpointOf(type), id},
          .query = with_members ? Query{} : WithoutMembers(type, {}),
          .expected = Expected::kResource};
  Send(client_.Begin(call), std::move(ask),
       [this, type, id, done = std::move(done)](Answer answer) {
         if (!answer.result.ok()) return done(OfQuestion(std::move(answer.result)), {});
         RemoteResource resource = scim::ParseResource(TargetsOf(type), answer.body);
         resource.etag = scim::EtagOf(answer);
         if (resource.id != id) {
           Overrule(Verdict::kNotTheProtocol, "it shows another resource", &answer.result);
           return done(std::move(answer.result), {});
         }
         done(std::move(answer.result), {std::move(resource)});
       });
}

void ScimConnector::List(ResourceType type, const std::string& cursor, const Call& call,
                         PageDone done) {
  const Cursor at = ParseCursor(cursor);
  Ask ask{.what = type == ResourceType::kUser ? "list users" : "list groups",
          .method = "GET",
          .segments = {EndpointOf(type)},
          .query = WithoutMembers(
              type, {{"startIndex", absl::StrCat(at.start)}, {"count", absl::StrCat(PageSize())}}),
          .expected = Expected::kList};
  Send(client_.Begin(call), std::move(ask),
       [this, type, at, done = std::move(done)](Answer answer) {
         if (!answer.result.ok()) return done(OfQuestion(std::move(answer.result)), {});
         const scim::ListPage list = scim::ParseList(answer.body);
         Page page{.resources = ParseAll(TargetsOf(type), list.resources)};
         const std::string first_id = page.resources.empty() ? "" : page.resources[0].id;
         page.next = CursorAfter(at, list, first_id);
         // A server that does not page shows the first page again.
         if (!first_id.empty() && first_id == at.first_id) page.resources.clear();
         done(std::move(answer.result), std::move(page));
       });
}

void ScimConnector::Create(ResourceType type, const Attributes& wanted, const Call& call,
                           WriteDone done) {
  absl::StatusOr<json> body = scim::CreateBody(type, TargetsOf(type), wanted, app_.dialect());
  if (!body.ok()) {
    return done(MakeResult(Verdict::kRefused, What("create", type), body.status().message()), {});
  }
  Ask ask{.what = What("create", type),
          .method = "POST",
          .segments = {EndpointOf(type)},
          .body = *std::move(body),
          .fields = NamesOf(wanted),
          .expected = Expected::kCreated};
  Send(client_.Begin(call), std::move(ask), [this, type, done = std::move(done)](Answer answer) {
    FinishWrite(type, "", std::move(answer), done);
  });
}

void ScimConnector::Update(ResourceType type, const std::string& id, const Changes& changes,
                           const Call& call, WriteDone done) {
  Ask ask{.what = What("update", type), .fields = NamesOf(changes)};
  if (app_.dialect().update() == config::v1::Dialect::PUT) {
    MakeBody make = [this, type, changes](const json& current) {
      return scim::PutBody(type, TargetsOf(type), current, changes, app_.dialect());
    };
    return ReadAndPut(type, id, std::move(make), std::move(ask), call, std::move(done));
  }
  absl::StatusOr<json> body = scim::PatchBody(TargetsOf(type), changes, app_.dialect());
  if (!body.ok()) {
    return done(MakeResult(Verdict::kRefused, ask.what, body.status().message()), {.id = id});
  }
  Patch(type, id, *std::move(body), std::move(ask), call, std::move(done));
}

void ScimConnector::SetActive(const std::string& id, bool active, const Call& call,
                              WriteDone done) {
  Update(ResourceType::kUser, id, Changes{.set = {{"active", active}}}, call, std::move(done));
}

void ScimConnector::Delete(ResourceType type, const std::string& id, const Call& call,
                           WriteDone done) {
  Ask ask{.what = What("delete", type), .method = "DELETE", .segments = {EndpointOf(type), id}};
  Send(client_.Begin(call), std::move(ask),
       [id, done = std::move(done)](Answer answer) { done(std::move(answer.result), {.id = id}); });
}

void ScimConnector::ChangeMembers(const std::string& group_id, const MemberChanges& changes,
                                  const Call& call, WriteDone done) {
  Ask ask{.what = "change the members of a group", .fields = {"members"}};
  if (app_.dialect().update() == config::v1::Dialect::PUT) {
    MakeBody make = [changes](const json& current) -> absl::StatusOr<json> {
      return scim::MembersPutBody(current, changes);
    };
    return ReadAndPut(ResourceType::kGroup, group_id, std::move(make), std::move(ask), call,
                      std::move(done));
  }
  Patch(ResourceType::kGroup, group_id, scim::MembersPatchBody(changes, app_.dialect()),
        std::move(ask), call, std::move(done));
}

void ScimConnector::Patch(ResourceType type, const std::string& id, json body, Ask ask,
                          const Call& call, WriteDone done) {
  ask.method = "PATCH";
  ask.segments = {EndpointOf(type), id};
  ask.body = std::move(body);
  ask.expected = Expected::kChanged;
  Send(client_.Begin(call), std::move(ask),
       [this, type, id, done = std::move(done)](Answer answer) {
         FinishWrite(type, id, std::move(answer), done);
       });
}

void ScimConnector::ReadAndPut(ResourceType type, const std::string& id, MakeBody make, Ask ask,
                               const Call& call, WriteDone done) {
  const Attempt attempt = client_.Begin(call);
  Ask read{.what = ask.what,
           .method = "GET",
           .segments = {EndpointOf(type), id},
           .expected = Expected::kResource};
  auto put = [this, attempt, type, id, make = std::move(make), ask = std::move(ask),
              done = std::move(done)](Answer current) mutable {
    if (!current.result.ok()) return done(OfQuestion(std::move(current.result)), {.id = id});
    absl::StatusOr<json> body = make(current.body);
    if (!body.ok()) {
      return done(MakeResult(Verdict::kRefused, ask.what, body.status().message()), {.id = id});
    }
    ask.method = "PUT";
    ask.segments = {EndpointOf(type), id};
    ask.body = *std::move(body);
    ask.if_match = scim::EtagOf(current);
    ask.expected = Expected::kChanged;
    Send(attempt, std::move(ask), [this, type, id, done = std::move(done)](Answer answer) {
      FinishWrite(type, id, std::move(answer), done);
    });
  };
  Send(attempt, std::move(read), std::move(put));
}

void ScimConnector::FinishWrite(ResourceType type, const std::string& id, Answer answer,
                                const WriteDone& done) {
  RemoteResource resource{.id = id};
  if (answer.result.ok() && answer.body.is_object()) {
    resource = scim::ParseResource(TargetsOf(type), answer.body);
    if (const std::string etag = scim::EtagOf(answer); !etag.empty()) resource.etag = etag;
    if (!id.empty() && resource.id != id) {
      Overrule(Verdict::kNotTheProtocol, "it shows another resource", &answer.result);
      resource = {.id = id};
    }
  }
  done(std::move(answer.result), std::move(resource));
}

}  // namespace purser::connectors
