// What a SCIM request says outside its body: query parameters, entity tags, media types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/domain/request_limits.h"
#include "broker/scim/filter.h"
#include "broker/scim/projection.h"
#include "broker/scim/sort.h"

namespace purser::scim {

// Decoded parameters in the order given, as in http::Request.
using QueryParameters = std::vector<std::pair<std::string, std::string>>;

inline constexpr uint64_t kDefaultCount = 100;
// How long a cursor is good for at least, between two pages.
inline constexpr absl::Duration kCursorTimeout = absl::Seconds(300);

// A list request (RFC 7644, section 3.4.2), clamped to what the directory serves.
struct ListQuery {
  uint64_t start_index = 1;        // from 1
  uint64_t count = kDefaultCount;  // 0: the total alone
  std::optional<Filter> filter;
  std::optional<Sort> sort;  // nothing: in the order of creation
  Projection projection;
  // Given: its pages are asked for by cursor (RFC 9865), empty for the first.
  std::optional<std::string> cursor;
  // Equal for requests that ask for pages of one list of that type.
  std::string identity;
};

// `attributes` and `excludedAttributes` exclude each other: 400 invalidValue.
absl::StatusOr<Projection> ParseProjection(const ResourceSchema& schema,
                                           const QueryParameters& query);

// 400 invalidFilter; 400 invalidValue where startIndex or count is no number; as ParseSort().
// With a cursor: 400 invalidCount in place of the latter, and invalidValue beside a startIndex.
// Parameters that are not known (a provider's flag) are ignored.
// `max_results`: how many resources a page may hold.
absl::StatusOr<ListQuery> ParseListQuery(const ResourceSchema& schema, const QueryParameters& query,
                                         uint64_t max_results = RequestLimits().results);

// The body of POST .search (RFC 7644, section 3.4.3).
absl::StatusOr<ListQuery> ParseSearchRequest(const ResourceSchema& schema, absl::string_view body,
                                             uint64_t max_results = RequestLimits().results);

// If-Match or If-None-Match: "*", or a list of tags. Tags are compared weakly.
class EntityTags {
 public:
  EntityTags() = default;  // the header is absent
  // Of the header's value; empty is absent. A tag that is not ours matches nothing.
  static EntityTags Parse(absl::string_view header);

  bool absent() const { return absent_; }
  // Whether "*" or one of the tags matches a live resource of that version.
  bool Matches(uint64_t version) const;

 private:
  bool absent_ = true;
  bool any_ = false;
  std::vector<uint64_t> versions_;
};

// The conditions of a write, decided on the version that stands.
struct Preconditions {
  EntityTags if_match;
  EntityTags if_none_match;

  // 412 where If-Match is given and does not match, or If-None-Match does.
  absl::Status Check(uint64_t version) const;
};

// Whether a body of that Content-Type is taken: application/scim+json or application/json with any
// parameters; where the header is absent (empty), true.
bool IsAcceptedContentType(absl::string_view content_type);

// Whether a Prefer header (RFC 7240) asks for an asynchronous answer, and gives no time in which it
// would rather have an ordinary one: a write is done within milliseconds.
bool PrefersAsync(absl::string_view prefer);

// Whether the client takes application/scim+json; true where the header is absent (empty).
bool AcceptsScim(absl::string_view accept);

}  // namespace purser::scim
