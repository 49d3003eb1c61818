// A filter is parsed or refused, and what was parsed can be asked of any resource.
#include "tests/fuzz/fuzzing.h"
#include "tests/unit/broker/scim/own_schemas.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace purser;
  const std::string text = fuzzing::TextOf(data, size);
  for (const scim::ResourceSchema* schema : {&scim::OwnSchemas().user, &scim::OwnSchemas().group}) {
    const auto filter = scim::ParseFilter(*schema, text);
    if (!filter.ok()) continue;
    fuzzing::Must(text.size() <= scim::kMaxFilterBytes, "a filter's bytes are bounded");
    fuzzing::Must(filter->nodes().size() <= scim::kMaxFilterNodes, "a filter's size is bounded");
    static const Resource user = fuzzing::SampleUser();
    scim::ResourceView view;
    view.resource = &user;
    view.has_member = [](absl::string_view) { return true; };
    scim::Evaluate(*filter, view).IgnoreError();
    scim::FindIndexedEquality(*filter);
    scim::ImpliedElement(*filter);
  }
  return 0;
}
