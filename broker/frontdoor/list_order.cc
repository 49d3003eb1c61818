#include "broker/frontdoor/list_order.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "broker/base/status.h"
#include "broker/frontdoor/scim_references.h"
#include "broker/scim/filter.h"
#include "broker/scim/sort.h"

namespace purser {
namespace {

using scim::IndexedEquality;

// "groups.value eq" alone: the users of that group. Through other groups too, so an index has their
// order only where it holds users alone.
std::optional<IndexedEquality> GroupAskedFor(const TypeQuery& asked) {
  const auto& filter = asked.query.filter;
  const auto equality = filter ? scim::FindIndexedEquality(*filter) : std::nullopt;
  const bool alone = filter && filter->nodes().size() == 1 && !asked.query.sort;
  return alone && equality && equality->key == IndexedEquality::Key::kGroupId ? equality
                                                                              : std::nullopt;
}

// The index whose order the list has; nothing where there is none.
std::optional<RowList> IndexOf(const TypeQuery& asked) {
  const bool users = asked.schema->type == event::v1::USER;
  if (asked.query.filter) return std::nullopt;
  if (!asked.query.sort) return users ? RowList::kUsers : RowList::kGroups;
  if (!users || !asked.query.sort->IsBy("userName")) return std::nullopt;
  return asked.query.sort->descending ? RowList::kByUserNameDescending : RowList::kByUserName;
}

std::vector<RowList> IndexesOf(const std::vector<TypeQuery>& asked) {
  std::vector<RowList> lists;
  for (const TypeQuery& one : asked) {
    const std::optional<RowList> list = IndexOf(one);
    if (!list || (one.query.sort && asked.size() > 1)) return {};
    lists.push_back(*list);
  }
  return lists;
}

// The same, where telling takes a question.
absl::StatusOr<std::vector<RowList>> FindIndexes(const std::vector<TypeQuery>& asked,
                                                 const DirectoryReader& reader) {
  const auto group = asked.size() == 1 ? GroupAskedFor(asked.front()) : std::nullopt;
  if (!group) return IndexesOf(asked);
  ASSIGN_OR_RETURN(const bool nested, reader.HoldsGroups(group->value));
  if (nested) return std::vector<RowList>();
  return std::vector<RowList>{RowList(RowList::kMembers, group->value)};
}

// Reads what the filter lets through, and keeps the first rows in the order asked for.
class Selection {
 public:
  Selection(const DirectoryReader& reader, const std::optional<scim::Sort>& sort, uint64_t keep)
      : reader_(reader), sort_(sort), keep_(keep) {}

  absl::Status Add(const TypeQuery& asked) {
    asked_ = &asked;
    const auto& filter = asked.query.filter;
    const auto equality = filter ? scim::FindIndexedEquality(*filter) : std::nullopt;
    if (equality) return ByIndex(*equality);
    std::vector<std::string> names;
    if (filter) names = filter->ReadNames();
    if (!sort_ && type() == event::v1::USER && AreUserNames(names)) return ByUserNames();
    if (sort_ && asked.query.sort->ref) names.push_back(asked.query.sort->ref.top_name());
    return reader_.Scan(type(), std::move(names),
                        [this](const PlacedResource& placed) { return Consider(placed); });
  }

  uint64_t total() const { return total_; }

  std::vector<ResourceRow> Rows() {
    if (sort_) {
      std::sort(kept_.begin(), kept_.end(),
                [this](const Kept& a, const Kept& b) { return Before(a, b); });
    }
    std::vector<ResourceRow> rows;
    rows.reserve(std::min<uint64_t>(keep_, kept_.size()));
    for (const Kept& kept : kept_) {
      if (rows.size() == keep_) break;
      rows.push_back(kept.row);
    }
    return rows;
  }

 private:
  struct Kept {
    std::optional<std::string> key;
    ResourceRow row;
  };

  event::v1::ResourceType type() const { return asked_->schema->type; }

  // A total order: rows are distinct.
  bool Before(const Kept& a, const Kept& b) const {
    if (scim::SortsBefore(*sort_, a.key, b.key)) return true;
    return !scim::SortsBefore(*sort_, b.key, a.key) && a.row < b.row;
  }

  absl::Status ByIndex(const IndexedEquality& equality) {
    ASSIGN_OR_RETURN(std::vector<ResourceRow> found, Candidates(equality));
    std::sort(found.begin(), found.end());
    if (!sort_ && IsAllThatIsAsked(equality)) {
      KeepAll(found);
      return absl::OkStatus();
    }
    for (const ResourceRow row : found) {
      ASSIGN_OR_RETURN(Resource resource, reader_.ResourceAt(row));
      RETURN_IF_ERROR(Consider({row, std::move(resource)}));
    }
    return absl::OkStatus();
  }

  // True where the index compares as the filter does, and the filter says no more.
  bool IsAllThatIsAsked(const IndexedEquality& equality) const {
    using Key = IndexedEquality::Key;
    return asked_->query.filter->nodes().size() == 1 &&
           (equality.key == Key::kId || equality.key == Key::kUserName ||
            equality.key == Key::kExternalId);
  }

  // Rows that all match, in the order of the list.
  void KeepAll(const std::vector<ResourceRow>& rows) {
    total_ += rows.size();
    for (const ResourceRow row : rows) {
      if (kept_.size() >= keep_) break;
      kept_.push_back({std::nullopt, row});
    }
  }

  static bool AreUserNames(const std::vector<std::string>& names) {
    return !names.empty() && std::all_of(names.begin(), names.end(), [](const std::string& name) {
      return name == "userName";
    });
  }

  // A filter that asks for userNames alone compares their keys, and they have an index.
  absl::Status ByUserNames() {
    Resource user;
    std::string& user_name = (user.attributes["userName"] = std::string()).get_ref<std::string&>();
    scim::ResourceView view;
    view.resource = &user;
    std::vector<ResourceRow> rows;
    RETURN_IF_ERROR(
        reader_.ScanUserNames([&](ResourceRow row, absl::string_view key) -> absl::Status {
          user_name.assign(key.data(), key.size());
          ASSIGN_OR_RETURN(const bool matches, scim::Evaluate(*asked_->query.filter, view));
          if (matches) rows.push_back(row);
          return absl::OkStatus();
        }));
    std::sort(rows.begin(), rows.end());
    KeepAll(rows);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<ResourceRow>> Candidates(const IndexedEquality& equality) {
    switch (equality.key) {
      case IndexedEquality::Key::kId:
        return reader_.FindIndexedRows(type(), IndexedAttribute::kId, equality.value);
      case IndexedEquality::Key::kUserName:
        return reader_.FindIndexedRows(type(), IndexedAttribute::kUserName, equality.value);
      case IndexedEquality::Key::kExternalId:
        return reader_.FindIndexedRows(type(), IndexedAttribute::kExternalId, equality.value);
      case IndexedEquality::Key::kDisplayName:
        return reader_.FindIndexedRows(type(), IndexedAttribute::kDisplayName, equality.value);
      case IndexedEquality::Key::kEmailValue:
        return reader_.FindIndexedRows(type(), IndexedAttribute::kEmail, equality.value);
      case IndexedEquality::Key::kMemberId:
        return RowsOf(reader_.DirectGroupsOf(equality.value));
      case IndexedEquality::Key::kGroupId:
        return RowsOf(reader_.UsersWithin(equality.value));
    }
    return absl::InternalError("an index that is not known");
  }

  absl::StatusOr<std::vector<ResourceRow>> RowsOf(
      const absl::StatusOr<std::vector<std::string>>& ids) {
    RETURN_IF_ERROR(ids.status());
    std::vector<ResourceRow> rows;
    for (const std::string& id : *ids) {
      ASSIGN_OR_RETURN(const std::optional<ResourceRow> row, reader_.FindRow(type(), id));
      if (row) rows.push_back(*row);
    }
    return rows;
  }

  absl::Status Consider(const PlacedResource& placed) {
    scim::ResourceView view;
    view.resource = &placed.resource;
    std::vector<scim::Reference> references;
    ASSIGN_OR_RETURN(const bool matches, Matches(&view, &references));
    if (!matches) return absl::OkStatus();
    ++total_;
    if (keep_ == 0 || (!sort_ && kept_.size() >= keep_)) return absl::OkStatus();
    Kept kept{std::nullopt, placed.row};
    ASSIGN_OR_RETURN(kept.key, KeyOf(&view, &references));
    kept_.push_back(std::move(kept));
    Prune();
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Matches(scim::ResourceView* view, std::vector<scim::Reference>* references) {
    if (!asked_->query.filter) return true;
    const scim::Filter& filter = *asked_->query.filter;
    absl::Status asked;
    if (filter.NeedsReferenceList()) {
      RETURN_IF_ERROR(LoadReferences(view, references));
    } else {
      // `members eq` alone is one question, whatever the group's size.
      view->has_member = [this, &asked, view](absl::string_view id) {
        const absl::StatusOr<bool> has = reader_.HasMember(view->resource->id, id);
        asked.Update(has.status());
        return has.ok() && *has;
      };
    }
    const absl::StatusOr<bool> matches = scim::Evaluate(filter, *view);
    view->has_member = nullptr;
    RETURN_IF_ERROR(asked);
    return matches;
  }

  absl::Status LoadReferences(scim::ResourceView* view, std::vector<scim::Reference>* references) {
    const std::string& id = view->resource->id;
    if (type() == event::v1::USER) {
      ASSIGN_OR_RETURN(*references, GroupReferences(reader_, id));
      view->groups = references;
    } else {
      ASSIGN_OR_RETURN(*references, MemberReferences(reader_, id));
      view->members = references;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<std::string>> KeyOf(scim::ResourceView* view,
                                                   std::vector<scim::Reference>* references) {
    if (!sort_) return std::nullopt;
    const scim::Sort& sort = *asked_->query.sort;
    const bool loaded = view->groups != nullptr || view->members != nullptr;
    if (sort.ReadsReferences() && !loaded) RETURN_IF_ERROR(LoadReferences(view, references));
    return scim::SortKey(sort, *view);
  }

  // What stands behind the first `keep_` is let go from time to time: memory follows the page.
  void Prune() {
    constexpr uint64_t kSlack = 10'000;
    if (!sort_ || kept_.size() < kSlack || kept_.size() / 2 < keep_) return;
    const auto end = kept_.begin() + static_cast<ptrdiff_t>(keep_);
    std::nth_element(kept_.begin(), end, kept_.end(),
                     [this](const Kept& a, const Kept& b) { return Before(a, b); });
    kept_.erase(end, kept_.end());
  }

  const DirectoryReader& reader_;
  const std::optional<scim::Sort>& sort_;
  const uint64_t keep_;
  const TypeQuery* asked_ = nullptr;
  uint64_t total_ = 0;
  std::vector<Kept> kept_;
};

}  // namespace

bool HasIndexedOrder(const std::vector<TypeQuery>& asked) {
  if (!IndexesOf(asked).empty()) return true;
  return std::all_of(asked.begin(), asked.end(), [](const TypeQuery& one) {
    const auto& filter = one.query.filter;
    const bool lists_references = (filter && filter->NeedsReferenceList()) ||
                                  (one.query.sort && one.query.sort->ReadsReferences());
    return filter && scim::FindIndexedEquality(*filter) && !lists_references;
  });
}

absl::StatusOr<ListOrder> ListOrder::Of(const std::vector<TypeQuery>& asked, uint64_t keep,
                                        const DirectoryReader& reader) {
  ListOrder order;
  ASSIGN_OR_RETURN(order.lists_, FindIndexes(asked, reader));
  for (const RowList& list : order.lists_) {
    ASSIGN_OR_RETURN(const uint64_t count, reader.RowCount(list));
    order.total_ += count;
  }
  if (!order.lists_.empty()) return order;
  Selection selection(reader, asked.front().query.sort, keep);
  for (const TypeQuery& one : asked) RETURN_IF_ERROR(selection.Add(one));
  order.total_ = selection.total();
  order.rows_ = selection.Rows();
  return order;
}

absl::StatusOr<ListOrder::Place> ListOrder::Skip(uint64_t skip,
                                                 const DirectoryReader& reader) const {
  skip = std::min(skip, total_);
  if (lists_.empty()) return static_cast<Place>(skip);
  size_t list = 0;
  for (; list + 1 < lists_.size(); ++list) {
    ASSIGN_OR_RETURN(const uint64_t count, reader.RowCount(lists_[list]));
    if (skip < count) break;
    skip -= count;
  }
  ASSIGN_OR_RETURN(const ResourceRow row, reader.RowNumber(lists_[list], skip));
  return row * 2 + static_cast<Place>(list);
}

absl::StatusOr<ListOrder::Stretch> ListOrder::After(Place place, uint64_t count,
                                                    const DirectoryReader& reader) const {
  if (count == 0) return Stretch{};
  if (!lists_.empty()) return IndexedAfter(place, count, reader);
  const uint64_t begin = std::min<uint64_t>(place, rows_.size());
  const uint64_t end = std::min<uint64_t>(begin + count, rows_.size());
  return Stretch{
      {rows_.begin() + static_cast<ptrdiff_t>(begin), rows_.begin() + static_cast<ptrdiff_t>(end)},
      end < total_ ? static_cast<Place>(end) : 0};
}

absl::StatusOr<ListOrder::Stretch> ListOrder::IndexedAfter(Place place, uint64_t count,
                                                           const DirectoryReader& reader) const {
  Stretch stretch;
  ResourceRow after = place / 2;
  for (auto list = static_cast<size_t>(place % 2); list < lists_.size(); ++list, after = 0) {
    // One more than is shown, which tells whether the list goes on.
    ASSIGN_OR_RETURN(const std::vector<ResourceRow> rows,
                     reader.RowsAfter(lists_[list], after, count + 1 - stretch.rows.size()));
    for (const ResourceRow row : rows) {
      if (stretch.rows.size() == count) return stretch;
      stretch.rows.push_back(row);
      stretch.behind = row * 2 + static_cast<Place>(list);
    }
  }
  stretch.behind = 0;
  return stretch;
}

}  // namespace purser
