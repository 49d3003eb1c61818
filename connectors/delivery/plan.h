// The next step that brings one account from what was acknowledged to what is wanted. Pure.
#pragma once

#include <string>
#include <vector>

#include "broker/projections/app_projection.h"
#include "connectors/api/connector.h"
#include "connectors/delivery/app_settings.h"
#include "connectors/delivery/values.h"
#include "connectors/delivery/wanted.h"

namespace purser::delivery {

// The code of a lane whose inactive user was looked for and has no account: none is made until the
// user is active.
inline constexpr char kNoAccount[] = "no-account";

// The code of a lane that is settled although something differs: the app's configuration switches
// off the action that it takes.
inline constexpr char kSkippedByConfiguration[] = "skipped-by-configuration";

enum class Step {
  kNothing,  // what is acknowledged is what is wanted
  kRead,     // what it holds is not known: read the account that is linked, or was
  kMatch,    // no account is linked: look for one
  kCall,     // `operation` is to be started
  kMissing,  // a required attribute has no value: wait until the directory holds it
};

struct Plan {
  Step step = Step::kNothing;
  event::v1::OperationKind kind = event::v1::OPERATION_KIND_UNSPECIFIED;
  ValueChanges changes;
  std::vector<std::string> missing;
  std::string skipped;  // with kNothing: what the configuration has left undone, for people
};

// The step for a user, or for a group apart from its members. A step that takes access away carries
// nothing else and needs no required attribute; what else differs is the plan after it.
Plan PlanDelivery(const AppSettings& settings, const connectors::Capabilities& capabilities,
                  const Wanted& wanted, const Lane& lane);

// The values that an account shows, by target; "active" among them where it shows that.
nlohmann::json ValuesOf(const connectors::RemoteResource& account);
// True where it is the account that was looked for: some servers ignore a filter and show everyone.
bool Hits(const connectors::RemoteResource& account, const mapping::MatchingAttribute& attribute);

// What is said of a resource whose create, or whose update, is switched off.
std::string CreatesNothing(event::v1::ResourceType type);
std::string ChangesNothing(event::v1::ResourceType type);

// The values of a CREATE.
ValueChanges CreateValues(const Wanted& wanted);

}  // namespace purser::delivery
