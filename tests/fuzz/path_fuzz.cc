// A PATCH path is understood or refused, and one that is understood names something.
#include "broker/scim/path.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/unit/broker/scim/own_schemas.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace purser;
  const std::string text = fuzzing::TextOf(data, size);
  for (const scim::ResourceSchema* schema : {&scim::OwnSchemas().user, &scim::OwnSchemas().group}) {
    const auto path = scim::ParsePath(*schema, text);
    if (!path.ok()) continue;
    switch (path->kind) {
      case scim::Path::Kind::kAttribute:
        fuzzing::Must(static_cast<bool>(path->ref), "an attribute's path names an attribute");
        break;
      case scim::Path::Kind::kExtension:
        fuzzing::Must(path->ref.extension != nullptr, "an extension's path names an extension");
        break;
      case scim::Path::Kind::kResource:
        break;
    }
  }
  return 0;
}
