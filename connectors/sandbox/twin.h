// What a twin is: another vendor's application, as far as its callers can tell.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "broker/http/server.h"
#include "nlohmann/json.hpp"

namespace purser::sandbox {

// A request as its twin understands it, before anything is done.
struct Call {
  http::Request request;
  nlohmann::json body;       // discarded where it is no JSON
  std::string operation;     // "PatchUser", "CreateUserOrApplyModifications"
  std::string id;            // of the account it is about: a SCIM id, a Replicon URI
  std::string name;          // its userName, displayName or loginName
  std::string operation_id;  // Replicon's unitOfWorkId
};

// What a fault asks of the twin itself.
struct Circumstances {
  bool commit = true;          // false: the answer tells of a change that is not made
  bool ignore_filter = false;  // a search answers with everything
};

// Thread-safe, and never blocks but on its own short lock.
// Implementations: ScimTwin, RepliconTwin.
class Twin {
 public:
  virtual ~Twin() = default;

  virtual Call Understand(http::Request request) const = 0;
  virtual bool Authorized(const Call& call) const = 0;
  virtual http::Response Handle(const Call& call, const Circumstances& circumstances) = 0;

  // An error in the application's own form, without an effect.
  virtual http::Response Refuse(int status, absl::string_view message) const = 0;

  // {"users": [...], "groups": [...]} in the application's own shape; SetState() takes what State()
  // gave. InvalidArgument, naming the entry, changes nothing.
  virtual nlohmann::json State() const = 0;
  virtual absl::Status SetState(const nlohmann::json& state) = 0;

  // Behaviours that the vendor's text leaves open. Configure() takes any of the members that
  // Settings() shows; InvalidArgument for an unknown one changes nothing.
  virtual nlohmann::json Settings() const = 0;
  virtual absl::Status Configure(const nlohmann::json& settings) = 0;
};

}  // namespace purser::sandbox
