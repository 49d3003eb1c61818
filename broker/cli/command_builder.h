// How each command is declared: its options bound to a struct, its action to that struct.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "broker/cli/operator_commands.h"

namespace purser {

// A noun (`app`) that takes a verb.
inline CLI::App* AddNoun(CLI::App* root, const std::string& name, const std::string& description) {
  CLI::App* noun = root->add_subcommand(name, description);
  noun->require_subcommand(1);
  return noun;
}

// A verb (`list`): `bind` adds its options to the struct that `action` is run with. Every verb has
// -o table|json|yaml.
template <typename Options>
void AddVerb(CLI::App* parent, ChosenCommand* chosen, const std::string& name,
             const std::string& description, std::function<void(CLI::App*, Options*)> bind,
             std::function<int(Session&, const Options&)> action) {
  CLI::App* verb = parent->add_subcommand(name, description);
  auto options = std::make_shared<Options>();
  auto format = std::make_shared<std::string>("table");
  bind(verb, options.get());
  verb->add_option("-o,--output", *format, "table, json or yaml")
      ->check(CLI::IsMember({"table", "json", "yaml"}));
  verb->callback([chosen, options, format, action = std::move(action)] {
    chosen->format = *format == "json"   ? OutputFormat::kJson
                     : *format == "yaml" ? OutputFormat::kYaml
                                         : OutputFormat::kTable;
    chosen->action = [options, action](Session& session) { return action(session, *options); };
  });
}

// What every change takes.
struct Why {
  std::string reason;
  std::string request_id;
};

inline void BindWhy(CLI::App* verb, Why* why, bool required) {
  CLI::Option* reason = verb->add_option("--reason", why->reason, "why, for the record");
  if (required) reason->required();
  verb->add_option("--request-id", why->request_id, "made up where absent");
}

// Sets request_id and reason of a request.
template <typename Request>
void SetWhy(Session& session, const Why& why, Request* request) {
  request->set_reason(why.reason);
  request->set_request_id(why.request_id.empty() ? session.NewRequestId() : why.request_id);
}

}  // namespace purser
