#include "broker/auth/role.h"

#include "gtest/gtest.h"

namespace purser::auth {
namespace {

TEST(Role, AnAdminMayDoWhatAnOperatorMayAndAViewerOnlyLooks) {
  EXPECT_TRUE(Allows(Role::kAdmin, Role::kOperator));
  EXPECT_TRUE(Allows(Role::kOperator, Role::kViewer));
  EXPECT_FALSE(Allows(Role::kViewer, Role::kOperator));
  EXPECT_FALSE(Allows(Role::kOperator, Role::kAdmin));
}

TEST(Role, ScimAndTheAdminApiDoNotOpenEachOther) {
  EXPECT_TRUE(Allows(Role::kScim, Role::kScim));
  EXPECT_FALSE(Allows(Role::kScim, Role::kViewer));
  EXPECT_FALSE(Allows(Role::kAdmin, Role::kScim));
}

TEST(Role, WhoReadsFeedsDoesNothingElse) {
  EXPECT_TRUE(Allows(Role::kFeed, Role::kFeed));
  EXPECT_TRUE(Allows(Role::kScim, Role::kFeed));
  EXPECT_FALSE(Allows(Role::kFeed, Role::kScim));
  EXPECT_FALSE(Allows(Role::kFeed, Role::kViewer));
  EXPECT_FALSE(Allows(Role::kAdmin, Role::kFeed));
}

TEST(Role, NamesAreReadBackAndOthersRefused) {
  for (const Role role : {Role::kScim, Role::kFeed, Role::kViewer, Role::kOperator, Role::kAdmin}) {
    EXPECT_EQ(*ParseRole(RoleName(role)), role);
  }
  for (const char* name : {"", "Admin", "root"}) {
    EXPECT_EQ(ParseRole(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

}  // namespace
}  // namespace purser::auth
