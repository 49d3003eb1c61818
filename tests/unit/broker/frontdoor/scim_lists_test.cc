// Lists, filters, orders and projections through the endpoints (facts 24 to 27).
#include <gmock/gmock.h>

#include "tests/unit/broker/frontdoor/scim_rig.h"

namespace purser {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ScimLists : public ScimRig {
 protected:
  void CreateUsers(int count) {
    for (int i = 0; i < count; ++i) {
      Send(Request("POST", "/Users", UserBody(absl::StrCat("user", i))));
    }
    Drive();
  }
  static std::vector<std::string> Names(const Answer& answer) {
    std::vector<std::string> names;
    const json body = answer.Json();
    for (const json& resource : body.value("Resources", json::array())) {
      names.push_back(resource.value("userName", resource.value("displayName", "")));
    }
    EXPECT_EQ(body["itemsPerPage"], names.size());
    return names;
  }
};

TEST_F(ScimLists, Promise24PagesAreClampedAndTheTotalIsAlwaysTrue) {
  CreateUsers(5);
  EXPECT_THAT(Names(List("/Users", {{"startIndex", "-3"}, {"count", "2"}})),
              ElementsAre("user0", "user1"));
  EXPECT_THAT(Names(List("/Users", {{"startIndex", "4"}, {"count", "100"}})),
              ElementsAre("user3", "user4"));
  for (const Pairs& query :
       {Pairs{{"count", "0"}}, Pairs{{"count", "-1"}}, Pairs{{"startIndex", "99"}},
        Pairs{{"startIndex", "6"}}, Pairs{{"startIndex", "18446744073709551615"}},
        Pairs{{"filter", "userName pr"}, {"count", "0"}}}) {
    const Answer answer = List("/Users", query);
    if (answer.status == 400) continue;  // A number beyond 64 bits.
    EXPECT_THAT(Names(answer), IsEmpty()) << answer.body;
    EXPECT_EQ(answer.Json()["totalResults"], 5) << answer.body;
  }
  EXPECT_EQ(List("/Users", {{"count", "x"}}).status, 400);
}

TEST_F(ScimLists, Promise24ACountBeyondTheLargestPageIsClamped) {
  CreateUsers(1005);
  const Answer answer = List("/Users", {{"count", "100000"}});
  EXPECT_EQ(answer.Json()["itemsPerPage"], 1000);
  EXPECT_EQ(answer.Json()["totalResults"], 1005);
  EXPECT_EQ(Names(List("/Users", {{"startIndex", "1001"}, {"count", "1000"}})).size(), 5u);
}

TEST_F(ScimLists, AFilterWithAPageCountsAllMatchesAndReturnsThePage) {
  CreateUsers(5);
  const Answer answer =
      List("/Users", {{"filter", "userName sw \"user\" and userName ne \"user1\""},
                      {"startIndex", "2"},
                      {"count", "2"}});
  EXPECT_THAT(Names(answer), ElementsAre("user2", "user3"));
  EXPECT_EQ(answer.Json()["totalResults"], 4);
  EXPECT_EQ(answer.Json()["startIndex"], 2);
}

TEST_F(ScimLists, AnIndexedEqualityWithAnotherTermKeepsBoth) {
  CreateUser("ada", {{"active", true}, {"emails", {{{"value", "ada@example.com"}}}}});
  CreateUser("eve", {{"active", false}, {"externalId", "X1"}});
  EXPECT_THAT(Names(List("/Users", {{"filter", "userName eq \"ADA\" and active eq false"}})),
              IsEmpty());
  EXPECT_THAT(Names(List("/Users", {{"filter", "emails eq \"ADA@example.com\""}})),
              ElementsAre("ada"));
  EXPECT_THAT(Names(List("/Users", {{"filter", "externalId eq \"X1\""}})), ElementsAre("eve"));
  EXPECT_THAT(Names(List("/Users", {{"filter", "externalId eq \"x1\""}})), IsEmpty());
}

TEST_F(ScimLists, AProvidersTestOfTheConnectionIs200WithNothing) {
  const Answer answer =
      List("/Users", {{"filter", "userName eq \"6d6ccfd6-7d4c-4f0e-9f43-1f0ed6cb0d59\""}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.Json()["totalResults"], 0);
}

TEST_F(ScimLists, AParameterThatNobodyKnowsIsIgnored) {
  CreateUser("ada");
  EXPECT_EQ(List("/Users", {{"aadOptscim062020", ""}}).Json()["totalResults"], 1);
}

TEST_F(ScimLists, AScanReadsAllThatTheFilterAndTheOrderName) {
  constexpr char kEnterprise[] = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
  CreateUser("ada", {{kEnterprise, {{"department", "Sales \"A\""}, {"manager", {{"value", "m1"}}}}},
                     {"emails", {{{"value", "b@x"}, {"type", "work"}}}},
                     {"nickName", "x \\ y"}});
  CreateUser("bob", {{kEnterprise, {{"department", "Art"}}}, {"active", false}});
  CreateUser("eve", {{"emails", {{{"value", "a@x"}, {"type", "home"}}}}, {"title", "Dr"}});
  const std::string urn = kEnterprise;
  const std::vector<std::pair<std::string, std::vector<std::string>>> expected = {
      {"schemas eq \"" + urn + "\"", {"bob", "ada"}},
      {urn + ":department pr and not (active eq false)", {"ada"}},
      {urn + ":manager eq \"m1\" or title eq \"dr\"", {"ada", "eve"}},
      {"emails[type eq \"home\"]", {"eve"}},
      {"nickName eq \"x \\\\ y\"", {"ada"}},
      {"meta.resourceType eq \"User\"", {"bob", "ada", "eve"}},
      {"department co \"\\\"a\\\"\"", {"ada"}}};
  for (const auto& [filter, names] : expected) {
    EXPECT_EQ(Names(List("/Users", {{"filter", filter}, {"sortBy", urn + ":department"}})), names)
        << filter;
  }
}

TEST_F(ScimLists, AnEqualityThatAnIndexAnswersAloneFindsWhatAScanDoes) {
  CreateUser("Ada", {{"externalId", "x"}});
  CreateUser("bob", {{"externalId", "X"}});
  CreateUser("stra\u00dfe", {{"externalId", "x"}});
  CreateUser("eve");
  const std::string id = List("/Users", {{"count", "1"}}).Json()["Resources"][0]["id"];
  const std::vector<std::pair<std::string, int>> filters = {
      {"userName eq \"ADA\"", 1}, {"userName eq \"STRASSE\"", 1}, {"userName eq \"ada \"", 0},
      {"userName eq \"\"", 0},    {"externalId eq \"x\"", 2},     {"externalId eq \"X\"", 1},
      {"externalId eq \"\"", 0},  {"id eq \"" + id + "\"", 1},    {"id eq \"" + id + " \"", 0}};
  for (const auto& [filter, total] : filters) {
    const std::string scanned = "not (not (" + filter + "))";
    for (const Pairs& page :
         {Pairs{{"count", "0"}}, Pairs{{"count", "1"}}, Pairs{{"startIndex", "2"}}, Pairs{}}) {
      Pairs asked = page, expected = page;
      asked.emplace_back("filter", filter);
      expected.emplace_back("filter", scanned);
      const Answer answer = List("/Users", asked);
      EXPECT_EQ(answer.Json(), List("/Users", expected).Json()) << filter;
      EXPECT_EQ(answer.Json()["totalResults"], total) << filter;
    }
  }
}

TEST_F(ScimLists, AFilterOnUserNamesAloneFindsWhatAScanDoes) {
  for (const char* name : {"Zoe", "ada", "Bob", "\u00c9ve", "STRASSE", "adam"}) CreateUser(name);
  for (const char* filter :
       {"userName co \"A\"", "userName sw \"ad\"", "userName ew \"E\"", "userName gt \"b\"",
        "userName ne \"ADA\"", "not (userName co \"a\")", "userName pr", "userName eq null",
        "userName sw \"z\" or userName co \"b\"", "userName co \"\u00e9\"",
        "userName ge \"ada\" and userName co \"stra\u00dfe\""}) {
    const std::string scanned = std::string("meta.resourceType eq \"User\" and (") + filter + ")";
    for (const char* start : {"1", "2"}) {
      const std::vector<std::pair<std::string, std::string>> page = {{"count", "2"},
                                                                     {"startIndex", start}};
      auto asked = page;
      asked.emplace_back("filter", filter);
      auto expected = page;
      expected.emplace_back("filter", scanned);
      EXPECT_EQ(List("/Users", asked).Json(), List("/Users", expected).Json()) << filter;
    }
  }
}

TEST_F(ScimLists, AFilterThatIsMalformedIs400) {
  for (const char* filter : {"userName eq", "userName zz \"x\"", "(userName pr", "password pr"}) {
    const Answer answer = List("/Users", {{"filter", filter}});
    EXPECT_EQ(answer.status, 400) << filter;
    EXPECT_EQ(answer.scim_type(), "invalidFilter") << filter;
  }
}

TEST_F(ScimLists, Promise26EveryAnswerHoldsWhatTheProjectionNamesAndIdAndSchemas) {
  const Pairs only = {{"attributes", "userName"}};
  const auto check = [](const json& resource) {
    EXPECT_EQ(resource.size(), 3u) << resource;
    EXPECT_TRUE(resource.contains("id") && resource.contains("schemas") &&
                resource.contains("userName"))
        << resource;
  };
  const std::string body = UserBody("ada", {{"title", "Dr"}});
  const Answer created = Call("POST", "/Users", body, {}, only);
  ASSERT_EQ(created.status, 201);
  check(created.Json());
  const std::string path = "/Users/" + created.id();
  check(Get(path, {}, only).Json());
  check(Patch(path, {{"op", "replace"}, {"path", "title"}, {"value", "Mx"}}, {}, only).Json());
  check(Call("PUT", path, body, {}, only).Json());
  check(List("/Users", only).Json()["Resources"][0]);
  check(Call("POST", "/Users/.search", R"({"attributes":["userName"]})").Json()["Resources"][0]);
  EXPECT_FALSE(Get(path, {}, {{"excludedAttributes", "title"}}).Json().contains("title"));
  EXPECT_EQ(Get(path, {}, {{"attributes", "id"}, {"excludedAttributes", "title"}}).status, 400);
  EXPECT_EQ(Get(path, {}, {{"attributes", "userName,nonsense"}}).status, 200);
}

TEST_F(ScimLists, Promise27ASearchIsAListWhoseParametersStandInTheBody) {
  CreateUsers(3);
  const Answer answer = Call("POST", "/Users/.search",
                             R"({"filter":"userName ne \"user1\"","startIndex":2,"count":1})");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(Names(answer), ElementsAre("user2"));
  EXPECT_EQ(answer.Json()["totalResults"], 2);
  EXPECT_EQ(Call("POST", "/Users/.search", "{").status, 400);
}

TEST_F(ScimLists, Promise27TheRootListsUsersAndThenGroups) {
  CreateUsers(2);
  CreateGroup("all");
  CreateGroup("staff");
  EXPECT_THAT(Names(List("/", {})), ElementsAre("user0", "user1", "all", "staff"));
  EXPECT_THAT(Names(List("/", {{"startIndex", "2"}, {"count", "2"}})), ElementsAre("user1", "all"));
  EXPECT_THAT(Names(List("/", {{"startIndex", "4"}})), ElementsAre("staff"));
  const Answer searched =
      Call("POST", "/.search", R"({"filter":"displayName eq \"all\" or userName eq \"user1\""})");
  EXPECT_THAT(Names(searched), ElementsAre("user1", "all"));
  EXPECT_EQ(searched.Json()["totalResults"], 2);
  EXPECT_EQ(List("", {{"count", "0"}}).Json()["totalResults"], 4);
}

TEST_F(ScimLists, Promise25APageOfASortedListIsAPartOfTheWhole) {
  const auto named = [&](const char* name, const char* family) {
    CreateUser(name,
               family == nullptr ? json::object() : json({{"name", {{"familyName", family}}}}));
  };
  named("u0", "Stone");
  named("u1", nullptr);
  named("u2", "byron");
  named("u3", "Stone");
  named("u4", "Adams");
  EXPECT_THAT(Names(List("/Users", {{"sortBy", "name.familyName"}})),
              ElementsAre("u4", "u2", "u0", "u3", "u1"));
  EXPECT_THAT(Names(List("/Users", {{"sortBy", "name.familyName"}, {"sortOrder", "descending"}})),
              ElementsAre("u1", "u0", "u3", "u2", "u4"));
  EXPECT_THAT(Names(List("/Users", {{"sortBy", "name.familyName"},
                                    {"startIndex", "2"},
                                    {"count", "2"},
                                    {"attributes", "userName"}})),
              ElementsAre("u2", "u0"));
  const Answer filtered = List("/Users", {{"sortBy", "name.familyName"},
                                          {"filter", "name.familyName pr and userName ne \"u2\""},
                                          {"startIndex", "2"}});
  EXPECT_THAT(Names(filtered), ElementsAre("u0", "u3"));
  EXPECT_EQ(filtered.Json()["totalResults"], 3);
  EXPECT_THAT(Names(List("/Users", {{"sortBy", "shoeSize"}, {"sortOrder", "descending"}})),
              ElementsAre("u0", "u1", "u2", "u3", "u4"));
  EXPECT_EQ(List("/Users", {{"sortBy", "name"}}).scim_type(), "invalidPath");
  EXPECT_EQ(List("/Users", {{"sortBy", "title"}, {"sortOrder", "up"}}).scim_type(), "invalidValue");
}

TEST_F(ScimLists, Promise25ByUserNameTheIndexGivesTheSameOrderAsASort) {
  for (const char* name : {"bob", "Ada", "éva", "Zoe", "zed", "Ärne", "adam"}) CreateUser(name);
  CreateGroup("all");
  for (const char* order : {"ascending", "descending"}) {
    const auto sorted = [&](Pairs query) {
      query.emplace_back("sortBy", "userName");
      query.emplace_back("sortOrder", order);
      return Names(List("/Users", query));
    };
    const std::vector<std::string> all = sorted({});
    ASSERT_EQ(all.size(), 7u);
    EXPECT_EQ(all, sorted({{"filter", "userName pr"}}));
    for (int start = 1; start <= 8; ++start) {
      const size_t end = std::min(start + 1, 7);
      const std::vector<std::string> part(all.begin() + std::min(start - 1, 7),
                                          all.begin() + static_cast<ptrdiff_t>(end));
      EXPECT_EQ(sorted({{"startIndex", absl::StrCat(start)}, {"count", "2"}}), part) << start;
    }
  }
}

TEST_F(ScimLists, Promise25ASearchAndTheRootAreSortedAcrossTypes) {
  CreateUser("u0", {{"displayName", "Beta"}});
  CreateGroup("alpha");
  CreateUser("u1");
  CreateGroup("gamma");
  EXPECT_THAT(Names(List("/", {{"sortBy", "displayName"}})),
              ElementsAre("alpha", "u0", "gamma", "u1"));
  EXPECT_THAT(Names(List("/", {{"sortBy", "userName"}, {"sortOrder", "descending"}})),
              ElementsAre("alpha", "gamma", "u1", "u0"));
  EXPECT_THAT(Names(Call("POST", "/.search",
                         R"({"sortBy":"displayName","sortOrder":"descending","count":3})")),
              ElementsAre("u1", "gamma", "u0"));
  EXPECT_THAT(Names(Call("POST", "/Groups/.search", R"({"SORTBY":"displayName","startIndex":2})")),
              ElementsAre("gamma"));
}

TEST_F(ScimLists, Promise25ReferencesSortByTheFirst) {
  std::vector<std::string> ids;
  for (const char* name : {"ada", "bob", "eve"}) {
    ids.push_back(CreateUser(name));
    fake_clock_.Advance(absl::Seconds(1));  // ids sort by the time of minting
  }
  CreateGroup("of-bob", {ids[1]});
  CreateGroup("of-none");
  CreateGroup("of-ada", {ids[2], ids[0]});
  EXPECT_THAT(Names(List("/Groups", {{"sortBy", "members"}})),
              ElementsAre("of-ada", "of-bob", "of-none"));
  EXPECT_THAT(Names(List("/Users", {{"sortBy", "groups.display"}})),
              ElementsAre("ada", "eve", "bob"));
}

TEST_F(ScimLists, LongReadsAreHandedOnAndShortOnesAreNot) {
  const std::string user = CreateUser("ada");
  const std::string group = CreateGroup("all", {user});
  std::vector<std::function<void()>> handed;
  bool room = true;
  ScimEndpoints::Options options{
      .tokens = &tokens_, .clock = &clock_, .ids = &RandomIdSource(), .run_read = nullptr};
  options.run_read = [&](ReadCost cost, std::function<void()> work) {
    EXPECT_EQ(cost, ReadCost::kLong);
    if (room) handed.push_back(std::move(work));
    return room;
  };
  endpoints_ = std::make_unique<ScimEndpoints>(options);
  EXPECT_EQ(Get("/Users/" + user).status, 200);
  EXPECT_EQ(List("/Users", {{"filter", "userName eq \"ada\""}}).status, 200);
  EXPECT_EQ(List("/Users", {{"count", "10"}}).status, 200);
  EXPECT_EQ(Get("/Groups/" + group, {}, {{"excludedAttributes", "members"}}).status, 200);
  auto scan = Send(Request("GET", "/Users", "", {}, {{"filter", "title pr"}}));
  auto members = Send(Request("GET", "/Groups/" + group));
  EXPECT_EQ(handed.size(), 2u);
  EXPECT_FALSE(scan->has_value());
  for (const auto& work : handed) work();
  EXPECT_EQ((*scan)->Json()["totalResults"], 0);
  EXPECT_EQ((*members)->Json()["members"].size(), 1u);
  room = false;
  const Answer refused = List("/Users", {{"filter", "title pr"}});
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.Header("Retry-After"), "1");
}

}  // namespace
}  // namespace purser
