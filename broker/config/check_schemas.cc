#include "broker/config/check_schemas.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace purser::config {
namespace {

using config::v1::Schema;
using config::v1::SchemaAttribute;
using Attributes = google::protobuf::RepeatedPtrField<SchemaAttribute>;

constexpr absl::string_view kEnterprise =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
constexpr absl::string_view kOfTheStandard[] = {"urn:ietf:params:scim:schemas:core:",
                                                "urn:ietf:params:scim:api:"};

// RFC 7643, section 2.1, in the characters that a path can hold.
bool HasNameForm(absl::string_view name) {
  return !name.empty() && absl::ascii_isalpha(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '$';
         });
}

// "urn:acme:scim:2.0:User": urn, a name space, and what is in it.
bool HasUrnForm(absl::string_view urn) {
  if (!absl::StartsWithIgnoreCase(urn, "urn:")) return false;
  const absl::string_view rest = urn.substr(4);
  const size_t colon = rest.find(':');
  if (colon == absl::string_view::npos || colon == 0 || absl::StrContains(urn, "::") ||
      absl::StrContains(urn, "..") || !absl::ascii_isalnum(urn.back())) {
    return false;
  }
  return std::all_of(rest.begin(), rest.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("-_.:", absl::string_view(&c, 1));
  });
}

bool IsOfTheStandard(absl::string_view urn) {
  return absl::EqualsIgnoreCase(urn, kEnterprise) ||
         std::any_of(
             std::begin(kOfTheStandard), std::end(kOfTheStandard),
             [urn](absl::string_view begin) { return absl::StartsWithIgnoreCase(urn, begin); });
}

class SchemaChecker {
 public:
  explicit SchemaChecker(const config::v1::Directory& directory) : directory_(directory) {}

  std::vector<Problem> Check() {
    for (int i = 0; i < directory_.schemas_size(); ++i) {
      CheckSchema(absl::StrCat("schemas[", i, "]"), directory_.schemas(i));
    }
    return std::move(problems_);
  }

 private:
  void Add(absl::string_view path, absl::string_view field, absl::string_view message) {
    problems_.push_back({absl::StrCat(path, ".", field), std::string(message)});
  }

  void CheckSchema(const std::string& path, const Schema& schema) {
    CheckUrn(path, schema.urn());
    if (schema.extends() == Schema::RESOURCE_KIND_UNSPECIFIED) {
      Add(path, "extends", "say whose resources it extends: user or group");
    }
    if (schema.attributes().empty()) Add(path, "attributes", "an extension needs one at least");
    CheckAttributes(path, "attributes", schema.attributes(), /*within=*/nullptr);
  }

  void CheckUrn(const std::string& path, const std::string& urn) {
    if (!HasUrnForm(urn)) {
      Add(path, "urn",
          absl::StrCat("\"", urn,
                       "\" is no URN; write such as urn:acme:params:scim:schemas:hr:2.0:User, of "
                       "letters, digits and - _ . :"));
    } else if (IsOfTheStandard(urn)) {
      Add(path, "urn",
          absl::StrCat("\"", urn,
                       "\" is the standard's and takes no more attributes; put them into an "
                       "extension with a URN of your own"));
    } else if (!urns_.insert(absl::AsciiStrToLower(urn)).second) {
      Add(path, "urn", absl::StrCat("\"", urn, "\" stands twice; put the attributes into one"));
    }
  }

  // `within`: whose sub-attributes they are; nullptr for those of a schema.
  void CheckAttributes(const std::string& path, absl::string_view field,
                       const Attributes& attributes, const SchemaAttribute* within) {
    std::set<std::string> names;
    for (int i = 0; i < attributes.size(); ++i) {
      const SchemaAttribute& attribute = attributes[i];
      const std::string place = absl::StrCat(path, ".", field, "[", i, "]");
      CheckName(place, attribute.name(), within != nullptr, &names);
      CheckType(place, attribute, within != nullptr);
      CheckCharacteristics(place, attribute);
      if (within != nullptr) CheckSubAttribute(place, attribute, *within);
      CheckAttributes(place, "sub_attributes", attribute.sub_attributes(), &attribute);
    }
  }

  void CheckName(const std::string& place, const std::string& name, bool sub,
                 std::set<std::string>* names) {
    if (!HasNameForm(name) && !(sub && name == "$ref")) {
      Add(place, "name",
          absl::StrCat(
              "\"", name,
              "\" is no attribute's name: a letter first, then letters, digits and - _ $"));
    } else if (!names->insert(absl::AsciiStrToLower(name)).second) {
      Add(place, "name",
          absl::StrCat("\"", name,
                       "\" stands twice, and case does not tell names apart; give one "
                       "of them another"));
    }
  }

  void CheckType(const std::string& place, const SchemaAttribute& attribute, bool sub) {
    const bool complex = attribute.type() == SchemaAttribute::COMPLEX;
    if (complex && sub) {
      Add(place, "type", "a sub-attribute is not complex itself; make it an attribute");
    } else if (complex && attribute.sub_attributes().empty()) {
      Add(place, "sub_attributes", "a complex attribute needs one at least");
    } else if (!complex && !attribute.sub_attributes().empty()) {
      Add(place, "sub_attributes", "only a complex attribute has them; say `type: complex`");
    }
    if (attribute.type() != SchemaAttribute::REFERENCE && !attribute.reference_types().empty()) {
      Add(place, "reference_types", "goes with `type: reference` alone");
    }
  }

  void CheckCharacteristics(const std::string& place, const SchemaAttribute& attribute) {
    if (attribute.uniqueness() > SchemaAttribute::NONE) {
      Add(place, "uniqueness",
          "of all attributes the directory keeps userName and id unique, and no others; say "
          "`none`");
    }
    const bool write_only = attribute.mutability() == SchemaAttribute::WRITE_ONLY;
    if (write_only && attribute.returned() != SchemaAttribute::RETURNED_UNSPECIFIED &&
        attribute.returned() != SchemaAttribute::NEVER) {
      Add(place, "returned",
          "what is written only is never returned; say `never`, or leave it out");
    }
    if (attribute.required() && write_only) {
      Add(place, "required", "what is written only is not kept, and cannot be required");
    }
    if (attribute.required() && attribute.mutability() == SchemaAttribute::READ_ONLY) {
      Add(place, "required", "clients cannot set what is read-only, so it cannot be required");
    }
  }

  void CheckSubAttribute(const std::string& place, const SchemaAttribute& sub,
                         const SchemaAttribute& within) {
    if (sub.multi_valued()) {
      Add(place, "multi_valued",
          absl::StrCat("a sub-attribute has one value; let \"", within.name(), "\" have several"));
    }
    if (sub.mutability() == SchemaAttribute::IMMUTABLE ||
        sub.mutability() == SchemaAttribute::WRITE_ONLY) {
      Add(place, "mutability", absl::StrCat("say it of \"", within.name(), "\" as a whole"));
    }
  }

  const config::v1::Directory& directory_;
  std::set<std::string> urns_;  // in lower case
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> CheckSchemas(const config::v1::Directory& directory) {
  return SchemaChecker(directory).Check();
}

}  // namespace purser::config
