// A body is refused or becomes a canonical resource, which rendered and sent again is the same.
#include "broker/scim/render.h"
#include "broker/scim/resource_input.h"
#include "tests/fuzz/fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace purser;
  const std::string body = fuzzing::TextOf(data, size);
  for (const scim::ResourceSchema* schema : {&scim::UserSchema(), &scim::GroupSchema()}) {
    auto input = scim::ParseResource(*schema, body);
    if (!input.ok()) continue;
    fuzzing::Must(fuzzing::IsCanonical(input->attributes), "a resource holds nothing unassigned");
    Resource resource;
    resource.type = schema->type;
    resource.id = "0192f0c1-0000-7000-8000-000000000001";
    resource.version = 7;
    resource.attributes = input->attributes;
    scim::ResourceView view;
    view.resource = &resource;
    const auto rendered = scim::RenderResource(*schema, view, input->attributes_text,
                                               "https://id.example.com/scim/v2");
    fuzzing::Must(rendered.ok(), "what is sent can be rendered");
    const auto again = scim::ParseResource(*schema, *rendered);
    fuzzing::Must(again.ok(), "what is rendered can be sent");
    fuzzing::Must(again->attributes == input->attributes, "sent again it is the same");
  }
  return 0;
}
