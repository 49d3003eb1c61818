#include "connectors/sandbox/scim_profile.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace purser::sandbox {
namespace {

std::string Work(absl::string_view attribute, absl::string_view sub) {
  return absl::StrCat(attribute, "[type eq \"work\"].", sub);
}

std::string Enterprise(absl::string_view attribute) {
  return absl::StrCat(kEnterpriseUrn, ":", attribute);
}

ScimSchema GroupSchema() {
  return ScimSchema(kGroupUrn, {{"displayName", true}, {"externalId"}, {"members"}});
}

std::vector<AttributeRow> RecniceRows() {
  return {{"userName", true},
          {"active", true},
          {"displayName", true},
          {"title", true},
          {Work("emails", "value"), true},
          {"preferredLanguage", true},
          {"name.givenName", true},
          {"name.familyName", true},
          {"name.formatted", true},
          {Work("addresses", "formatted"), true},
          {Work("addresses", "streetAddress"), true},
          {Work("addresses", "locality"), true},
          {Work("addresses", "region"), true},
          {Work("addresses", "postalCode"), true},
          {Work("addresses", "country"), true},
          {"externalId", true},
          {"roles", true},
          {Enterprise("department"), true}};
}

std::vector<AttributeRow> PreciateRows() {
  return {{"userName", true},  // SCIM itself requires it
          {"active"},          {"displayName"},    {"title"},      {"name.givenName"},
          {"name.familyName"}, {"name.formatted"}, {"externalId"}, {Enterprise("department")}};
}

std::vector<AttributeRow> AlexisHrRows() {
  return {{"userName", true},
          {"active", true},
          {"title"},
          {Work("emails", "value"), true},
          {"name.givenName", true},
          {"name.familyName", true},
          {Work("phoneNumbers", "value"), true},
          {Enterprise("department")},
          {Enterprise("manager")},
          {Enterprise("costCenter")},
          {Enterprise("division")},
          {Enterprise("organization")}};
}

}  // namespace

const ScimProfile& RecniceProfile() {
  static const auto& profile = *new ScimProfile{.app = "recnice",
                                                .base_path = "/recnice/scim",
                                                .users = ScimSchema(kUserUrn, RecniceRows()),
                                                .groups = GroupSchema(),
                                                .has_groups = true};
  return profile;
}

const ScimProfile& PreciateProfile() {
  static const auto& profile = *new ScimProfile{.app = "preciate",
                                                .base_path = "/preciate/api/v1/scim",
                                                .users = ScimSchema(kUserUrn, PreciateRows()),
                                                .groups = GroupSchema(),
                                                .id_form = IdForm::kDecimal};
  return profile;
}

const ScimProfile& AlexisHrProfile() {
  static const auto& profile = *new ScimProfile{.app = "alexishr",
                                                .base_path = "/alexishr/scim",
                                                .users = ScimSchema(kUserUrn, AlexisHrRows()),
                                                .groups = GroupSchema(),
                                                .phone_is_e164 = true,
                                                .id_form = IdForm::kHex};
  return profile;
}

bool IsE164(absl::string_view phone) {
  if (phone.size() < 3 || phone.size() > 16 || phone[0] != '+' || phone[1] == '0') return false;
  return std::all_of(phone.begin() + 1, phone.end(),
                     [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
}

}  // namespace purser::sandbox
