#include <algorithm>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/base/status.h"
#include "broker/frontdoor/scim_endpoints.h"
#include "broker/frontdoor/scim_references.h"
#include "broker/scim/error.h"
#include "broker/scim/filter.h"
#include "broker/scim/render.h"
#include "broker/scim/request.h"

namespace purser {
namespace {

using scim::IndexedEquality;
using scim::ListQuery;

// What a list comes to: the total, and the page as texts.
struct Page {
  uint64_t total = 0;
  std::vector<std::string> resources;
};

bool EventuallyConsistent(const ScimRequest& request) {
  const std::string* consistency = request.http.Query("consistency");
  return consistency != nullptr && *consistency == "eventual";
}

// What is asked of the resources of one type.
struct TypeQuery {
  const scim::ResourceSchema* schema;
  ListQuery query;
};

// One list request over one position of the read model; types one after the other.
class Lister {
 public:
  Lister(const ScimRequest& request, const DirectoryReader& reader, Page* page)
      : request_(request), reader_(reader), page_(*page) {}

  absl::Status Add(const TypeQuery& asked) {
    schema_ = asked.schema;
    query_ = &asked.query;
    if (!query_->filter) return Unfiltered();
    const auto equality = scim::FindIndexedEquality(*query_->filter);
    return equality ? ByIndex(*equality) : ByScan();
  }

 private:
  event::v1::ResourceType type() const { return schema_->type; }
  bool full() const { return page_.resources.size() >= query_->count; }

  absl::Status Unfiltered() {
    const uint64_t before = page_.total;  // of the types that came first
    ASSIGN_OR_RETURN(const uint64_t count, reader_.Count(type()));
    page_.total += count;
    if (full() || query_->start_index > page_.total) return absl::OkStatus();
    const uint64_t skip = query_->start_index > before ? query_->start_index - 1 - before : 0;
    return reader_.Scan(type(), skip, [&](Resource resource) -> absl::StatusOr<bool> {
      RETURN_IF_ERROR(Render(resource));
      return !full();
    });
  }

  absl::Status ByScan() {
    return reader_.Scan(type(), 0, [&](Resource resource) -> absl::StatusOr<bool> {
      RETURN_IF_ERROR(Consider(resource));
      return true;
    });
  }

  absl::Status ByIndex(const IndexedEquality& equality) {
    ASSIGN_OR_RETURN(const std::vector<std::string> ids, Candidates(equality));
    for (const std::string& id : ids) {
      ASSIGN_OR_RETURN(const std::optional<Resource> resource, reader_.Find(type(), id));
      if (resource) RETURN_IF_ERROR(Consider(*resource));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> Candidates(const IndexedEquality& equality) {
    switch (equality.key) {
      case IndexedEquality::Key::kId:
        return reader_.FindIndexed(type(), IndexedAttribute::kId, equality.value);
      case IndexedEquality::Key::kUserName:
        return reader_.FindIndexed(type(), IndexedAttribute::kUserName, equality.value);
      case IndexedEquality::Key::kExternalId:
        return reader_.FindIndexed(type(), IndexedAttribute::kExternalId, equality.value);
      case IndexedEquality::Key::kDisplayName:
        return reader_.FindIndexed(type(), IndexedAttribute::kDisplayName, equality.value);
      case IndexedEquality::Key::kEmailValue:
        return reader_.FindIndexed(type(), IndexedAttribute::kEmail, equality.value);
      case IndexedEquality::Key::kMemberId:
        return reader_.DirectGroupsOf(equality.value);
    }
    return absl::InternalError("an index that is not known");
  }

  absl::Status Consider(const Resource& resource) {
    ASSIGN_OR_RETURN(const bool matches, Matches(resource));
    if (!matches) return absl::OkStatus();
    ++page_.total;
    const bool wanted = page_.total >= query_->start_index && !full();
    return wanted ? Render(resource) : absl::OkStatus();
  }

  absl::StatusOr<bool> Matches(const Resource& resource) {
    const scim::Filter& filter = *query_->filter;
    scim::ResourceView view;
    view.resource = &resource;
    std::vector<scim::Reference> references;
    absl::Status asked;
    if (!filter.NeedsReferenceList()) {
      // `members eq` alone is one question, whatever the group's size.
      view.has_member = [&](absl::string_view id) {
        const absl::StatusOr<bool> has = reader_.HasMember(resource.id, id);
        asked.Update(has.status());
        return has.ok() && *has;
      };
    } else if (type() == event::v1::USER) {
      ASSIGN_OR_RETURN(references, GroupReferences(reader_, resource.id));
      view.groups = &references;
    } else {
      ASSIGN_OR_RETURN(references, MemberReferences(reader_, resource.id));
      view.members = &references;
    }
    ASSIGN_OR_RETURN(const bool matches, scim::Evaluate(filter, view));
    RETURN_IF_ERROR(asked);
    return matches;
  }

  absl::Status Render(const Resource& resource) {
    ASSIGN_OR_RETURN(std::string text,
                     RenderWithReferences(request_, resource, reader_, query_->projection));
    page_.resources.push_back(std::move(text));
    return absl::OkStatus();
  }

  const ScimRequest& request_;
  const DirectoryReader& reader_;
  Page& page_;
  const scim::ResourceSchema* schema_ = nullptr;
  const ListQuery* query_ = nullptr;
};

// What it may cost: an equality that an index answers and a near page are short.
ReadCost CostOf(const TypeQuery& asked) {
  constexpr uint64_t kNear = 10'000;
  const ListQuery& query = asked.query;
  const bool groups = asked.schema->type == event::v1::GROUP &&
                      query.projection.IncludesReferences(*asked.schema) && query.count > 0;
  const bool near = !query.filter && query.start_index <= kNear && query.count <= 100;
  const bool indexed = query.filter && scim::FindIndexedEquality(*query.filter) &&
                       !query.filter->NeedsReferenceList();
  return (near || indexed) && !groups ? ReadCost::kShort : ReadCost::kLong;
}

http::Response AnswerRead(
    const ScimRequest& request, bool tell_age, absl::Duration behind, absl::Time now,
    const std::function<absl::StatusOr<http::Response>(const DirectoryReader&)>& read) {
  auto lease = request.directory->readers().Take();
  auto response = lease.ok() ? read(**lease) : lease.status();
  http::Response sent = response.ok() ? *std::move(response) : ErrorResponse(response.status());
  const auto head = lease.ok() ? (*lease)->FoldHead() : lease.status();
  if (tell_age && head.ok() && (head->position > 0 || behind < absl::InfiniteDuration())) {
    // How old the answer may be, in seconds (RFC 9111, section 5.1): since the read model was known
    // to be at the log's end, or since its last record.
    const absl::Duration age = std::min(behind, std::max(absl::ZeroDuration(), now - head->time));
    sent.headers.emplace_back("Age", absl::StrCat(absl::ToInt64Seconds(age)));
  }
  return sent;
}

}  // namespace

void ScimEndpoints::Read(const ScimRequestPtr& request, ReadCost cost, ReadFn read) const {
  const bool eventual = EventuallyConsistent(*request);
  const auto caller = std::this_thread::get_id();
  auto answer = [this, request, cost, read = std::move(read), eventual,
                 caller](const absl::Status& current) {
    DirectoryService* directory = request->directory;
    const bool broken = !directory->writer().health().ok();
    if (!current.ok() && !broken) {
      request->respond(ErrorResponse(absl::UnavailableError(current.message())));
      return;
    }
    auto work = [request, read, tell_age = eventual || broken, clock = options_.clock] {
      request->respond(
          AnswerRead(*request, tell_age, request->directory->SinceCurrent(), clock->Now(), read));
    };
    const bool here = cost == ReadCost::kShort && std::this_thread::get_id() == caller;
    if (here || !options_.run_read) return work();
    if (options_.run_read(cost, std::move(work))) return;
    request->respond(ErrorResponse(absl::UnavailableError("too many reads wait")));
  };
  if (eventual) {
    answer(absl::OkStatus());
  } else {
    request->directory->WhenCurrent(options_.read_deadline, std::move(answer));
  }
}

void ScimEndpoints::Get(const ScimRequestPtr& request) const {
  auto projection = scim::ParseProjection(*request->schema, request->http.query);
  if (!projection.ok()) {
    request->respond(ErrorResponse(projection.status()));
    return;
  }
  const bool members =
      request->schema->type == event::v1::GROUP && projection->IncludesReferences(*request->schema);
  Read(request, members ? ReadCost::kLong : ReadCost::kShort,
       [request, projection = *std::move(projection)](
           const DirectoryReader& reader) -> absl::StatusOr<http::Response> {
         ASSIGN_OR_RETURN(const std::optional<Resource> resource,
                          reader.Find(request->schema->type, request->resource_id()));
         if (!resource) return ErrorResponse(404, "no such resource");
         const auto tags = scim::EntityTags::Parse(request->http.Header("If-None-Match"));
         if (!tags.absent() && tags.Matches(resource->version)) {
           return ScimResponse(304, "", resource->version);
         }
         ASSIGN_OR_RETURN(std::string body,
                          RenderWithReferences(*request, *resource, reader, projection));
         return ScimResponse(200, std::move(body), resource->version);
       });
}

void ScimEndpoints::List(const ScimRequestPtr& request, bool search) const {
  // Without a type in its path it is of both.
  std::vector<const scim::ResourceSchema*> schemas = {request->schema};
  if (request->schema == nullptr) schemas = {&scim::UserSchema(), &scim::GroupSchema()};
  auto asked = std::make_shared<std::vector<TypeQuery>>();
  ReadCost cost = ReadCost::kShort;
  for (const scim::ResourceSchema* schema : schemas) {
    auto query = search ? scim::ParseSearchRequest(*schema, request->http.body)
                        : scim::ParseListQuery(*schema, request->http.query);
    if (!query.ok()) {
      request->respond(ErrorResponse(query.status()));
      return;
    }
    asked->push_back({schema, *std::move(query)});
    cost = std::max(cost, CostOf(asked->back()));
  }
  Read(request, cost,
       [request, asked](const DirectoryReader& reader) -> absl::StatusOr<http::Response> {
         Page page;
         Lister lister(*request, reader, &page);
         for (const TypeQuery& one : *asked) RETURN_IF_ERROR(lister.Add(one));
         return ScimResponse(
             200, scim::RenderList(page.total, asked->front().query.start_index, page.resources));
       });
}

}  // namespace purser
