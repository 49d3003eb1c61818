// Every attribute of every schema, standard and own: after each PATCH of a random sequence, GET
// shows what a model of one attribute holds.
#include <random>

#include "tests/unit/broker/frontdoor/scim_rig.h"
#include "tests/unit/broker/scim/own_schemas.h"

namespace purser {
namespace {

using scim::Attribute;
using scim::AttributeType;
using scim::Mutability;

// The `n`th of the values that an attribute is given.
json Sample(const Attribute& attribute, int n) {
  switch (attribute.type) {
    case AttributeType::kBoolean:
      return n % 2 == 0;
    case AttributeType::kDecimal:
      return n + 0.5;
    case AttributeType::kInteger:
      return n;
    case AttributeType::kDateTime:
      return absl::StrCat("2024-01-0", n + 1, "T08:00:00Z");
    case AttributeType::kReference:
      return absl::StrCat("https://example.com/", n);
    case AttributeType::kBinary:
      return absl::StrCat("AAE", n);
    case AttributeType::kString:
      return absl::StrCat("text ", n);
    case AttributeType::kComplex:
      break;
  }
  json object = json::object();
  for (const Attribute& sub : attribute.sub_attributes) {
    // Which value is primary is what others follow from, and has tests of its own.
    if (sub.is_read_only() || sub.name == "primary" || sub.name == "$ref") continue;
    object[sub.name] = Sample(sub, n);
  }
  return object;
}

// One attribute of one resource, as RFC 7644, section 3.5.2, has it change.
class Model {
 public:
  explicit Model(const Attribute& attribute) : attribute_(attribute) {}

  // The status of the operation; what it says of the value where that is 200.
  int Apply(const std::string& op, const json& value) {
    if (attribute_.is_read_only()) return 400;
    if (attribute_.mutability == Mutability::kWriteOnly) return 200;
    json next = Next(op, value);
    const bool stood = !value_.is_null();
    if (stood && attribute_.mutability == Mutability::kImmutable && next != value_) return 400;
    if (next.is_null() && required) return 400;
    value_ = std::move(next);
    return 200;
  }

  json Shown() const { return attribute_.returned == scim::Returned::kNever ? json() : value_; }
  void Begin(json value) { value_ = std::move(value); }

  bool required = false;  // whatever else its resource holds

 private:
  json Next(const std::string& op, const json& value) const {
    if (op == "remove") return nullptr;
    if (!attribute_.multi_valued) {
      if (!attribute_.is_complex() || value_.is_null()) return value;
      json merged = value_;
      merged.update(value);
      return merged;
    }
    if (op == "replace" || value_.is_null()) return json::array({value});
    json all = value_;
    if (std::find(all.begin(), all.end(), value) == all.end()) all.push_back(value);
    return all;
  }

  const Attribute& attribute_;
  json value_;
};

class ScimAttributes : public ScimRig {
 protected:
  ScimAttributes() { schemas_ = {std::shared_ptr<void>(), &scim::OwnSchemas()}; }

  std::string Create(const scim::ResourceSchema& type) {
    return type.type == event::v1::USER ? CreateUser(absl::StrCat("user ", ++made_))
                                        : CreateGroup("group");
  }

  json Shown(const std::string& path, const scim::Schema* extension, const Attribute& attribute,
             const std::string& name) {
    std::string asked = name;
    for (const Attribute& sub : attribute.sub_attributes) {
      const bool on_request = sub.returned == scim::Returned::kRequest;
      if (on_request) absl::StrAppend(&asked, ",", name, ".", sub.name);
    }
    const Answer answer = Get(path, {}, {{"attributes", asked}});
    EXPECT_EQ(answer.status, 200) << answer.body;
    json body = answer.Json();
    if (extension != nullptr) body = body.value(extension->urn, json::object());
    return body.value(attribute.name, json());
  }

  void Run(const scim::ResourceSchema& type, const scim::Schema* extension,
           const Attribute& attribute) {
    const std::string name =
        extension == nullptr ? attribute.name : absl::StrCat(extension->urn, ":", attribute.name);
    SCOPED_TRACE(name);
    const std::string path = absl::StrCat(type.endpoint, "/", Create(type));
    Model model(attribute);
    model.Begin(Shown(path, extension, attribute, name));
    model.required = attribute.required && extension == nullptr;
    FillRequired(path, extension, attribute);
    for (int step = 0; step < 8; ++step) {
      const std::string op =
          std::vector<std::string>{"add", "add", "replace", "remove"}[random_() % 4];
      const json value = Sample(attribute, static_cast<int>(random_() % 3));
      json operation = {{"op", op}, {"path", name}};
      if (op != "remove") operation["value"] = value;
      SCOPED_TRACE(absl::StrCat("step ", step, ": ", operation.dump()));
      const json before = model.Shown();
      const uint64_t version = Version(path);
      const Answer answer = Patch(path, operation);
      ASSERT_EQ(answer.status, model.Apply(op, value)) << answer.body;
      ASSERT_EQ(answer.scim_type(), answer.status == 400 ? "mutability" : "") << answer.body;
      ASSERT_EQ(Shown(path, extension, attribute, name), model.Shown());
      // No net change is no new version.
      if (attribute.returned != scim::Returned::kNever) {
        ASSERT_EQ(Version(path) != version, before != model.Shown());
      }
    }
  }

  // What else the extension requires, of which the attribute is set.
  void FillRequired(const std::string& path, const scim::Schema* extension,
                    const Attribute& attribute) {
    if (extension == nullptr) return;
    for (const Attribute& other : extension->attributes) {
      if (!other.required || &other == &attribute) continue;
      const Answer filled = Patch(path, {{"op", "add"},
                                         {"path", absl::StrCat(extension->urn, ":", other.name)},
                                         {"value", Sample(other, 0)}});
      EXPECT_EQ(filled.status, 200) << filled.body;
    }
  }

  uint64_t Version(const std::string& path) {
    std::string tag = Get(path).Header("ETag");
    return std::stoull(tag.substr(3));
  }

  std::mt19937 random_{20240101};
  int made_ = 0;
};

TEST_F(ScimAttributes, AfterEachPatchGetShowsWhatTheModelHolds) {
  size_t tried = 0;
  for (const scim::ResourceSchema* type : {&schemas_->user, &schemas_->group}) {
    for (const Attribute& attribute : type->core.attributes) {
      // Rows of their own, with tests of their own.
      if (attribute.name == "members") continue;
      Run(*type, nullptr, attribute);
      ++tried;
    }
    for (const scim::Schema& extension : type->extensions) {
      for (const Attribute& attribute : extension.attributes) {
        Run(*type, &extension, attribute);
        ++tried;
      }
    }
  }
  EXPECT_GT(tried, 45u);
}

}  // namespace
}  // namespace purser
