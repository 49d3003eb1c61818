#include <optional>
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

// One list request over one position of the read model.
class Lister {
 public:
  Lister(const ScimRequest& request, const ListQuery& query, const DirectoryReader& reader)
      : request_(request), query_(query), reader_(reader) {}

  absl::StatusOr<Page> Run() {
    if (!query_.filter) {
      RETURN_IF_ERROR(Unfiltered());
    } else if (const auto equality = scim::FindIndexedEquality(*query_.filter)) {
      RETURN_IF_ERROR(ByIndex(*equality));
    } else {
      RETURN_IF_ERROR(ByScan());
    }
    return std::move(page_);
  }

 private:
  event::v1::ResourceType type() const { return request_.schema->type; }

  absl::Status Unfiltered() {
    ASSIGN_OR_RETURN(page_.total, reader_.Count(type()));
    if (query_.count == 0) return absl::OkStatus();
    return reader_.Scan(type(), query_.start_index - 1,
                        [&](Resource resource) -> absl::StatusOr<bool> {
                          RETURN_IF_ERROR(Render(resource));
                          return page_.resources.size() < query_.count;
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
    scim::ResourceView view;
    view.resource = &resource;
    std::vector<scim::Reference> groups;
    if (query_.filter->ReadsReferences()) {
      if (type() == event::v1::USER) {
        ASSIGN_OR_RETURN(groups, GroupReferences(reader_, resource.id));
        view.groups = &groups;
      } else {
        ASSIGN_OR_RETURN(groups, MemberReferences(reader_, resource.id));
        view.members = &groups;
      }
    }
    ASSIGN_OR_RETURN(const bool matches, scim::Evaluate(*query_.filter, view));
    if (!matches) return absl::OkStatus();
    ++page_.total;
    const bool wanted = page_.total >= query_.start_index && page_.resources.size() < query_.count;
    return wanted ? Render(resource) : absl::OkStatus();
  }

  absl::Status Render(const Resource& resource) {
    ASSIGN_OR_RETURN(std::string text,
                     RenderWithReferences(request_, resource, reader_, query_.projection));
    page_.resources.push_back(std::move(text));
    return absl::OkStatus();
  }

  const ScimRequest& request_;
  const ListQuery& query_;
  const DirectoryReader& reader_;
  Page page_;
};

}  // namespace

void ScimEndpoints::Read(
    const ScimRequestPtr& request,
    std::function<absl::StatusOr<http::Response>(const DirectoryReader&)> read) const {
  const bool eventual = EventuallyConsistent(*request);
  auto answer = [request, read = std::move(read), eventual,
                 clock = options_.clock](const absl::Status& current) {
    DirectoryService* directory = request->directory;
    const bool broken = !directory->writer().health().ok();
    if (!current.ok() && !broken) {
      request->respond(ErrorResponse(absl::UnavailableError(current.message())));
      return;
    }
    auto lease = directory->readers().Take();
    auto response = lease.ok() ? read(**lease) : lease.status();
    http::Response sent = response.ok() ? *std::move(response) : ErrorResponse(response.status());
    if (eventual || broken) {
      const auto head = lease.ok() ? (*lease)->FoldHead() : lease.status();
      // How old the answer may be, in seconds (RFC 9111, section 5.1).
      if (head.ok() && head->position > 0) {
        sent.headers.emplace_back("Age",
                                  absl::StrCat(absl::ToInt64Seconds(clock->Now() - head->time)));
      }
    }
    request->respond(std::move(sent));
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
  Read(request,
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
  auto query = search ? scim::ParseSearchRequest(*request->schema, request->http.body)
                      : scim::ParseListQuery(*request->schema, request->http.query);
  if (!query.ok()) {
    request->respond(ErrorResponse(query.status()));
    return;
  }
  auto shared = std::make_shared<const ListQuery>(*std::move(query));
  Read(request, [request, shared](const DirectoryReader& reader) -> absl::StatusOr<http::Response> {
    ASSIGN_OR_RETURN(const Page page, Lister(*request, *shared, reader).Run());
    return ScimResponse(200, scim::RenderList(page.total, shared->start_index, page.resources));
  });
}

}  // namespace purser
