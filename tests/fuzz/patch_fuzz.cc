// A PATCH leaves a canonical resource or an error; its difference, folded, is what it left; and it
// can be rendered.
#include "broker/scim/patch.h"
#include "broker/scim/render.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/unit/broker/scim/own_schemas.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace purser;
  static const Resource before = fuzzing::SampleUser();
  const auto request = scim::ParsePatch(scim::OwnSchemas().user, fuzzing::TextOf(data, size));
  if (!request.ok()) return 0;
  Resource after = before;
  if (!scim::ApplyPatch(*request, after.id, &after.attributes).ok()) return 0;
  fuzzing::Must(fuzzing::IsCanonical(after.attributes), "what is left holds nothing unassigned");
  nlohmann::json folded = before.attributes;
  for (const auto& change : scim::DiffAttributes(before.attributes, after.attributes)) {
    fuzzing::Must(scim::ApplyChange(change, &folded).ok(), "a difference can be folded");
  }
  fuzzing::Must(folded == after.attributes, "the difference, folded, is what was left");
  scim::ResourceView view;
  view.resource = &after;
  const auto rendered = scim::RenderResource(scim::OwnSchemas().user, view, after.attributes.dump(),
                                             "https://id.example.com/scim/v2");
  fuzzing::Must(rendered.ok() && nlohmann::json::parse(*rendered, nullptr, false).is_object(),
                "what is left can be rendered");
  return 0;
}
