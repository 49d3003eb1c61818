#include "broker/scim/schema.h"

#include <gtest/gtest.h>

namespace purser::scim {
namespace {

using Kind = ResolvedName::Kind;

std::string LeafOf(absl::string_view name) {
  const ResolvedName found = ResolveName(UserSchema(), name);
  return found.kind == Kind::kAttribute ? found.ref.leaf().name : "-";
}

TEST(ScimPromise06, NamesResolveInAnyCase) {
  EXPECT_EQ(LeafOf("USERNAME"), "userName");
  EXPECT_EQ(LeafOf("name.GIVENNAME"), "givenName");
  EXPECT_EQ(LeafOf("URN:IETF:params:scim:SCHEMAS:core:2.0:user:Name.givenname"), "givenName");
  EXPECT_EQ(LeafOf("urn:ietf:params:scim:schemas:extension:enterprise:2.0:USER:Manager.VALUE"),
            "value");
  EXPECT_EQ(LeafOf("externalid"), "externalId");
  EXPECT_EQ(LeafOf("meta.lastmodified"), "lastModified");
}

TEST(ScimPromise06, AUrnAloneIsTheWholeSchema) {
  EXPECT_EQ(ResolveName(UserSchema(), kEnterpriseUrn).kind, Kind::kExtension);
  EXPECT_EQ(ResolveName(UserSchema(), kUserUrn).kind, Kind::kCore);
}

TEST(ScimPromise06, WhatIsNotRegisteredResolvesToNothing) {
  EXPECT_EQ(LeafOf("urn:ietf:params:scim:schemas:extension:enterprise:2.0:Users:manager"), "-");
  EXPECT_EQ(LeafOf("urn:ietf:params:scim:schemas:extension:other:2.0:User:manager"), "-");
  EXPECT_EQ(LeafOf("name.nope"), "-");
  EXPECT_EQ(LeafOf("name.givenName.x"), "-");
  EXPECT_EQ(LeafOf(""), "-");
}

TEST(ResolveName, AnExtensionsAttributeIsFoundWithoutItsUrn) {
  EXPECT_EQ(LeafOf("manager"), "manager");
  EXPECT_EQ(LeafOf("department"), "department");
}

TEST(ScimPromise13, CaseMattersForIdAndExternalIdNotForUserName) {
  EXPECT_TRUE(UserSchema().FindCore("id")->case_exact);
  EXPECT_TRUE(UserSchema().FindCore("externalId")->case_exact);
  EXPECT_FALSE(UserSchema().FindCore("userName")->case_exact);
  EXPECT_EQ(UserSchema().FindCore("userName")->uniqueness, Uniqueness::kServer);
}

}  // namespace
}  // namespace purser::scim
