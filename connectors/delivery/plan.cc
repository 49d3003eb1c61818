#include "connectors/delivery/plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/domain/caseless.h"

namespace purser::delivery {
namespace {

using nlohmann::json;

constexpr char kActive[] = "active";

bool Holds(const json& values, const char* target, bool value) {
  const auto it = values.find(target);
  return it != values.end() && SameValue(value, *it);
}

bool Required(const mapping::CompiledMapping& mapping, const std::string& target) {
  const mapping::CompiledRow* row = mapping.FindRow(target);
  return row != nullptr && row->required;
}

// What is held with what is wanted added, for targets that a change may only add to.
json Union(const json& held, const json& wanted) {
  if (!held.is_array() || !wanted.is_array()) return wanted;
  json all = held;
  for (const json& element : wanted) {
    const bool there = std::any_of(held.begin(), held.end(),
                                   [&](const json& other) { return SameValue(element, other); });
    if (!there) all.push_back(element);
  }
  return all;
}

// What an update sends: values that differ, and mapped targets that are no longer wanted.
ValueChanges Difference(const mapping::CompiledMapping& mapping, const Wanted& wanted,
                        const json& held) {
  ValueChanges changes;
  const mapping::MappedResource& mapped = wanted.mapped;
  for (const auto& [target, value] : mapped.values) {
    if (mapped.keep.contains(target) || mapped.on_create.contains(target)) continue;
    const auto it = held.find(target);
    const json all =
        it != held.end() && mapped.additive.contains(target) ? Union(*it, value) : value;
    if (it == held.end() || !SameValue(all, *it)) changes.set[target] = all;
  }
  for (const mapping::CompiledRow& row : mapping.rows) {
    const std::string& target = row.target;
    const bool left_out = std::count(wanted.left_out.begin(), wanted.left_out.end(), target) > 0;
    if (mapped.values.contains(target) || mapped.keep.contains(target) ||
        mapped.on_create.contains(target) || !held.contains(target) || left_out ||
        Required(mapping, target)) {
      continue;
    }
    changes.clear.push_back(target);
  }
  return changes;
}

Plan Call(event::v1::OperationKind kind, ValueChanges changes = {}) {
  return {Step::kCall, kind, std::move(changes), {}, {}};
}

std::string TextOf(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Plan Skipped(std::string why) {
  Plan plan;
  plan.skipped = std::move(why);
  return plan;
}

const char* Things(event::v1::ResourceType type) {
  return type == event::v1::GROUP ? "groups" : "accounts";
}

// Access ends: a delete where the app can, and is to, else a log-in turned off and no more.
Plan PlanLeaver(config::v1::Leaver policy, const AllowedActions& allowed,
                const connectors::Capabilities& capabilities, const Wanted& wanted,
                const Lane& lane, bool ask_remembered) {
  if (policy == config::v1::NOTHING) return {};
  if (!lane.linked) {
    // A replay asks whether the account that was let go is there again.
    const bool ask = ask_remembered && !lane.remote_id.empty() && !lane.acknowledged_known;
    return {ask ? Step::kRead : Step::kNothing};
  }
  if (!lane.acknowledged_known) return {Step::kRead};
  if (policy == config::v1::REMOVE && capabilities.deletes && allowed.deletes) {
    return Call(event::v1::DELETE);
  }
  const Plan stays = policy == config::v1::REMOVE && !allowed.deletes
                         ? Skipped(absl::StrCat("the app's configuration deletes no ",
                                                Things(wanted.type), ": it stays there"))
                         : Plan{};
  if (wanted.type == event::v1::GROUP) return stays;
  if (Holds(lane.acknowledged, kActive, false)) return stays;
  if (!allowed.updates) return Skipped(ChangesNothing(wanted.type) + ": its access there stays");
  ValueChanges off;
  off.set[kActive] = false;
  return Call(event::v1::DISABLE, std::move(off));
}

Plan PlanMember(const AppSettings& settings, const Wanted& wanted, const Lane& lane) {
  const mapping::CompiledMapping& mapping =
      wanted.type == event::v1::GROUP ? settings.groups : settings.users;
  const AllowedActions& allowed = settings.actions(wanted.type);
  if (!lane.linked) {
    if (!lane.acknowledged_known && !lane.remote_id.empty()) return {Step::kRead};
    if (allowed.creates && !wanted.mapped.missing_required.empty()) {
      return {Step::kMissing, {}, {}, wanted.mapped.missing_required, {}};
    }
    return {Step::kMatch};
  }
  if (!lane.acknowledged_known) return {Step::kRead};
  ValueChanges changes = Difference(mapping, wanted, lane.acknowledged);
  // Access that was taken away is given back, whether or not the mapping names it.
  if (wanted.type == event::v1::USER && Holds(lane.acknowledged, kActive, false) &&
      !wanted.mapped.values.contains(kActive)) {
    changes.set[kActive] = true;
  }
  if (changes.empty()) return {};
  if (!allowed.updates) return Skipped(ChangesNothing(wanted.type));
  const bool enables = changes.set.contains(kActive) && changes.set[kActive] == true;
  return Call(enables ? event::v1::ENABLE : event::v1::UPDATE, std::move(changes));
}

Plan PlanInactive(const AppSettings& settings, const connectors::Capabilities& capabilities,
                  const Wanted& wanted, const Lane& lane) {
  if (!lane.linked && lane.remote_id.empty() && lane.code != kNoAccount) {
    return {settings.inactive == config::v1::NOTHING ? Step::kNothing : Step::kMatch};
  }
  const AllowedActions& allowed = settings.actions(wanted.type);
  const Plan leaver = PlanLeaver(settings.inactive, allowed, capabilities, wanted, lane, true);
  if (leaver.step != Step::kNothing || !leaver.skipped.empty() || !lane.linked) return leaver;
  if (settings.inactive != config::v1::DEACTIVATE) return leaver;
  // Access is gone; the rest of the account follows the directory all the same.
  ValueChanges changes = Difference(settings.users, wanted, lane.acknowledged);
  changes.set.erase(kActive);
  if (changes.empty()) return {};
  if (!allowed.updates) return Skipped(ChangesNothing(wanted.type));
  return Call(event::v1::UPDATE, std::move(changes));
}

}  // namespace

json ValuesOf(const connectors::RemoteResource& account) {
  json values = json::object();
  for (const auto& [target, value] : account.attributes) values[target] = value;
  if (account.active) values["active"] = *account.active;
  return values;
}

bool Hits(const connectors::RemoteResource& account, const mapping::MatchingAttribute& attribute) {
  const auto it = account.attributes.find(attribute.target);
  return it != account.attributes.end() &&
         CaselessKey(TextOf(it->second)) == CaselessKey(TextOf(attribute.value));
}

std::string CreatesNothing(event::v1::ResourceType type) {
  return absl::StrCat("the app's configuration creates no ", Things(type));
}

std::string ChangesNothing(event::v1::ResourceType type) {
  return absl::StrCat("the app's configuration changes no ", Things(type));
}

ValueChanges CreateValues(const Wanted& wanted) {
  ValueChanges changes;
  for (const auto& [target, value] : wanted.mapped.values) changes.set[target] = value;
  return changes;
}

Plan PlanDelivery(const AppSettings& settings, const connectors::Capabilities& capabilities,
                  const Wanted& wanted, const Lane& lane) {
  const AllowedActions& allowed = settings.actions(wanted.type);
  switch (wanted.presence) {
    case Presence::kActive:
      return PlanMember(settings, wanted, lane);
    case Presence::kInactive:
      return PlanInactive(settings, capabilities, wanted, lane);
    case Presence::kOutOfScope:
      return PlanLeaver(settings.out_of_scope, allowed, capabilities, wanted, lane, true);
    case Presence::kGone:
      return PlanLeaver(settings.deleted, allowed, capabilities, wanted, lane, true);
  }
  return {};
}

}  // namespace purser::delivery
