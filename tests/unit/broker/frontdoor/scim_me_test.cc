// /Me (RFC 7644, section 3.11).
#include "tests/unit/broker/frontdoor/scim_rig.h"

namespace purser {
namespace {

class ScimMe : public ScimRig {
 protected:
  void StandFor(const std::string& user_id) {
    auth::Tokens tokens;
    *tokens.Add() = auth::TokenOf(kSecret, "t1", auth::Role::kScim, absl::InfiniteFuture());
    tokens[0].set_user_id(user_id);
    tokens_.Put("d1", tokens);
  }
};

TEST_F(ScimMe, IsTheUserWhomTheTokenStandsFor) {
  const std::string id = CreateUser("ada");
  StandFor(id);
  const std::string location = "https://id.example.com/scim/v2/Users/" + id;
  const Answer me = Get("/Me", {}, {{"attributes", "userName,meta"}});
  EXPECT_EQ(me.status, 200);
  EXPECT_EQ(me.Json()["userName"], "ada");
  EXPECT_EQ(me.Json()["meta"]["location"], location);
  EXPECT_EQ(me.Header("Location"), location);
  EXPECT_EQ(Get("/Me", {{"If-None-Match", me.Header("ETag")}}).status, 304);
  const json title = {{"op", "add"}, {"path", "title"}, {"value", "Dr"}};
  const Answer patched = Patch("/Me", title);
  EXPECT_EQ(patched.Json()["title"], "Dr");
  EXPECT_EQ(patched.Header("Location"), location);
  EXPECT_EQ(Patch("/Me", title, {{"If-Match", me.Header("ETag")}}).status, 412);
  EXPECT_EQ(Call("PUT", "/Me", UserBody("ada", {{"nickName", "A"}})).status, 200);
  EXPECT_EQ(Get("/Users/" + id).Json()["nickName"], "A");
  EXPECT_EQ(Call("POST", "/Me", UserBody("ada")).status, 501);
  EXPECT_EQ(Get("/Me/emails").status, 404);
  EXPECT_EQ(Call("DELETE", "/Me").status, 204);
  EXPECT_EQ(Get("/Me").status, 404);
  EXPECT_EQ(Get("/Users/" + id).status, 404);
}

TEST_F(ScimMe, AnErrorNamesThePermanentResourceToo) {
  const std::string id = CreateUser("ada");
  StandFor(id);
  const Answer refused = Patch("/Me", {{"op", "add"}, {"path", "nope"}, {"value", 1}});
  EXPECT_EQ(refused.scim_type(), "invalidPath");
  EXPECT_EQ(refused.Header("Location"), "https://id.example.com/scim/v2/Users/" + id);
}

}  // namespace
}  // namespace purser
