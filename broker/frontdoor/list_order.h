// Which resources a list holds, and in which order, before any of them is rendered.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/projections/directory_reader.h"
#include "broker/scim/request.h"
#include "broker/scim/schema.h"

namespace purser {

// What is asked of the resources of one type.
struct TypeQuery {
  const scim::ResourceSchema* schema;
  scim::ListQuery query;
};

// True where finding the order costs no more than the page that is shown of it: the read model has
// an index in that order, or one that answers the filter.
bool HasIndexedOrder(const std::vector<TypeQuery>& asked);

// The order of the list that `asked` is about: types one after the other, each by creation, unless
// it is sorted. Holds rows alone, or none where an index of the read model has that order.
//
// Value type. The reader is of one position, and the same one for all calls.
class ListOrder {
 public:
  // Behind which resource of the list; 0 is its beginning.
  using Place = int64_t;

  // A part of the list: its rows, and the place behind the last; 0 where the list ends there.
  struct Stretch {
    std::vector<ResourceRow> rows;
    Place behind = 0;
  };

  // `keep`: how many resources of the list's beginning are asked for at most.
  static absl::StatusOr<ListOrder> Of(const std::vector<TypeQuery>& asked, uint64_t keep,
                                      const DirectoryReader& reader);

  uint64_t total() const { return total_; }
  // How many rows it holds in memory.
  size_t held() const { return rows_.size(); }

  // The place behind the first `skip` resources, which may be all or more.
  absl::StatusOr<Place> Skip(uint64_t skip, const DirectoryReader& reader) const;
  // The next `count` resources behind `place`; from an index this costs the same everywhere.
  absl::StatusOr<Stretch> After(Place place, uint64_t count, const DirectoryReader& reader) const;

 private:
  absl::StatusOr<Stretch> IndexedAfter(Place place, uint64_t count,
                                       const DirectoryReader& reader) const;

  uint64_t total_ = 0;
  // In the order of one index after the other; a place is then row * 2 + which of them.
  std::vector<RowList> lists_;
  // Else: a place is the number of rows before it.
  std::vector<ResourceRow> rows_;
};

}  // namespace purser
