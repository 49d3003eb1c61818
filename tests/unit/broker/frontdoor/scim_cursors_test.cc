// Lists by cursor (RFC 9865, fact 27): every page of a series is of one position of the log.
#include <gmock/gmock.h>

#include <random>
#include <set>
#include <thread>

#include "absl/strings/ascii.h"
#include "tests/support/scim_status.h"
#include "tests/unit/broker/frontdoor/scim_rig.h"

namespace purser {
namespace {

using testing::ElementsAre;

class ScimCursors : public ScimRig {
 protected:
  void CreateUsers(int count) {
    for (int i = 0; i < count; ++i) CreateUser(absl::StrCat("user", i));
  }
  static std::vector<std::string> Names(const Answer& answer) {
    std::vector<std::string> names;
    const json body = answer.Json();
    for (const json& resource : body.value("Resources", json::array())) {
      names.push_back(resource.value("userName", resource.value("displayName", "")));
    }
    EXPECT_EQ(body["itemsPerPage"], names.size()) << answer.body;
    EXPECT_FALSE(body.contains("startIndex"));
    return names;
  }
  static std::string Next(const Answer& answer) { return answer.Json().value("nextCursor", ""); }

  Answer Page(const std::string& cursor, Pairs query, const std::string& path = "/Users") {
    query.emplace_back("cursor", cursor);
    return List(path, query);
  }
  // The names of each page, from the first to the last.
  std::vector<std::vector<std::string>> Walk(const Pairs& query,
                                             const std::string& path = "/Users") {
    std::vector<std::vector<std::string>> pages;
    std::string cursor;
    do {
      const Answer answer = Page(cursor, query, path);
      EXPECT_EQ(answer.status, 200) << answer.body;
      pages.push_back(Names(answer));
      cursor = Next(answer);
    } while (!cursor.empty() && pages.size() < 100);
    return pages;
  }
  // What is said of a cursor: "invalidCursor", or nothing where it is taken.
  std::string Said(const std::string& cursor, const Pairs& query,
                   const std::string& path = "/Users") {
    const Answer answer = Page(cursor, query, path);
    EXPECT_EQ(answer.status, answer.scim_type().empty() ? 200 : 400) << answer.body;
    return answer.scim_type();
  }
};

TEST_F(ScimCursors, Promise27NextCursorsShowEveryResourceOnce) {
  CreateUsers(5);
  EXPECT_THAT(Walk({{"count", "2"}}),
              ElementsAre(ElementsAre("user0", "user1"), ElementsAre("user2", "user3"),
                          ElementsAre("user4")));
  EXPECT_THAT(Walk({{"count", "3"}, {"sortBy", "userName"}, {"sortOrder", "descending"}}),
              ElementsAre(ElementsAre("user4", "user3", "user2"), ElementsAre("user1", "user0")));
  EXPECT_THAT(Walk({{"count", "2"}, {"sortBy", "meta.created"}, {"filter", "userName ne user1"}}),
              ElementsAre(ElementsAre("user0", "user2"), ElementsAre("user3", "user4")));
  const Answer first = Page("", {{"count", "4"}});
  EXPECT_EQ(first.Json()["totalResults"], 5);
  EXPECT_EQ(Page(Next(first), {{"count", "4"}}).Json()["totalResults"], 5);
  for (const char c : Next(first)) EXPECT_TRUE(absl::ascii_isalnum(c) || c == '-' || c == '_') << c;
}

TEST_F(ScimCursors, Promise27ASeriesIsOfOnePositionWhateverIsWrittenMeanwhile) {
  CreateUsers(6);
  for (const Pairs& query : {Pairs{{"count", "2"}}, Pairs{{"count", "2"}, {"sortBy", "userName"}},
                             Pairs{{"count", "2"}, {"filter", "title ne \"Dr\""}}}) {
    const json all = List("/Users", {}).Json()["Resources"];
    Answer page = Page("", query);
    json shown = page.Json()["Resources"];
    const std::string last = all.back()["id"], middle = all[2]["id"];
    Patch("/Users/" + last,
          {{"op", "replace"}, {"value", {{"userName", "a-first"}, {"title", "Dr"}}}});
    EXPECT_EQ(Call("DELETE", "/Users/" + middle).status, 204);
    CreateUser("aaa");
    CreateUser("zzz");
    while (!Next(page).empty()) {
      page = Page(Next(page), query);
      const json body = page.Json();
      EXPECT_EQ(body["totalResults"], all.size());
      for (const json& resource : body["Resources"]) shown.push_back(resource);
    }
    EXPECT_EQ(shown, all);
    const json left = List("/Users", {}).Json()["Resources"];
    for (const json& user : left) {
      Call("DELETE", absl::StrCat("/Users/", user["id"].get<std::string>()));
    }
    CreateUsers(6);
  }
}

TEST_F(ScimCursors, Promise27ASearchAndTheRootTakeCursorsToo) {
  CreateUsers(3);
  CreateGroup("all");
  CreateGroup("staff");
  EXPECT_THAT(Walk({{"count", "2"}}, "/"),
              ElementsAre(ElementsAre("user0", "user1"), ElementsAre("user2", "all"),
                          ElementsAre("staff")));
  EXPECT_THAT(Walk({{"count", "3"}}, "/"),
              ElementsAre(ElementsAre("user0", "user1", "user2"), ElementsAre("all", "staff")));
  EXPECT_THAT(Walk({{"count", "4"}, {"sortBy", "displayName"}}, "/"),
              ElementsAre(ElementsAre("all", "staff", "user0", "user1"), ElementsAre("user2")));
  const auto search = [&](const char* path, const std::string& cursor) {
    return Call("POST", path,
                json({{"filter", "userName pr"}, {"count", 2}, {"cursor", cursor}}).dump());
  };
  const Answer first = search("/.search", "");
  EXPECT_THAT(Names(first), ElementsAre("user0", "user1"));
  EXPECT_THAT(Names(search("/.search", Next(first))), ElementsAre("user2"));
  EXPECT_THAT(Names(search("/Users/.search", Next(search("/Users/.search", "")))),
              ElementsAre("user2"));
  for (const char* body : {R"({"cursor":7})", R"({"cursor":true})", R"({"cursor":{"a":1}})"}) {
    EXPECT_EQ(Call("POST", "/Users/.search", body).scim_type(), "invalidCursor") << body;
  }
  EXPECT_EQ(Call("POST", "/Users/.search", R"({"cursor":null})").Json()["startIndex"], 1);
}

TEST_F(ScimCursors, Promise26EveryPageHoldsWhatTheProjectionNames) {
  for (const char* name : {"ada", "bob"}) CreateUser(name, {{"title", "Dr"}});
  const Pairs query = {{"count", "1"}, {"attributes", "title"}};
  const Answer first = Page("", query);
  const Answer second = Page(Next(first), query);
  for (const Answer& page : {first, second}) {
    const json user = page.Json()["Resources"][0];
    EXPECT_EQ(user.size(), 3u) << user;
    EXPECT_TRUE(user.contains("title"));
  }
}

TEST_F(ScimCursors, ALostPageCanBeAskedForAgain) {
  CreateUsers(5);
  const Pairs query = {{"count", "2"}};
  const std::string second = Next(Page("", query));
  const Answer shown = Page(second, query);
  Page(Next(shown), query);
  EXPECT_EQ(Page(second, query).Json()["Resources"], shown.Json()["Resources"]);
}

TEST_F(ScimCursors, WhereOnePageIsAllThereIsNoSeries) {
  CreateUsers(3);
  EXPECT_THAT(Walk({{"count", "3"}}), ElementsAre(ElementsAre("user0", "user1", "user2")));
  const Answer none = Page("", {{"count", "0"}});
  EXPECT_EQ(none.Json()["totalResults"], 3);
  EXPECT_EQ(Next(none), "");
  EXPECT_EQ(Next(Page("", {{"filter", "title pr"}})), "");
  EXPECT_EQ(directory_->series().open(), 0u);
}

TEST_F(ScimCursors, Promise27ACursorOfSomethingElseIsInvalid) {
  CreateUsers(5);
  CreateGroup("g1");
  CreateGroup("g2");
  const Pairs query = {{"count", "1"}, {"sortBy", "title"}};
  const std::string cursor = Next(Page("", query));
  EXPECT_EQ(Said(cursor, {{"count", "1"}}), "invalidCursor");
  EXPECT_EQ(Said(cursor, {{"count", "1"}, {"sortBy", "userName"}}), "invalidCursor");
  EXPECT_EQ(Said(cursor, {{"count", "1"}, {"sortBy", "title"}, {"filter", "title pr"}}),
            "invalidCursor");
  EXPECT_EQ(Said(cursor, {{"count", "1"}, {"sortBy", "title"}, {"attributes", "id"}}),
            "invalidCursor");
  EXPECT_EQ(Said(cursor, query, "/Groups"), "invalidCursor");
  EXPECT_EQ(Said(cursor, query, "/"), "invalidCursor");
  EXPECT_EQ(Said(cursor, {{"count", "2"}, {"sortBy", "title"}}), "invalidCount");
  EXPECT_EQ(Said(cursor, {{"count", "x"}, {"sortBy", "title"}}), "invalidCount");
  EXPECT_EQ(Said("", {{"count", "1.5"}}), "invalidCount");
  EXPECT_EQ(Said("", {{"startIndex", "1"}}), "invalidValue");
  EXPECT_EQ(Said(cursor, query), "");
}

TEST_F(ScimCursors, ACursorIsItsTokensAlone) {
  constexpr char kOther[] = "another-secret-of-the-tests-000000000000000";
  auth::Tokens tokens;
  *tokens.Add() = auth::TokenOf(kSecret, "t1", auth::Role::kScim, absl::InfiniteFuture());
  *tokens.Add() = auth::TokenOf(kOther, "t2", auth::Role::kScim, absl::InfiniteFuture());
  tokens_.Put("d1", tokens);
  CreateUsers(2);
  const std::string cursor = Next(Page("", {{"count", "1"}}));
  const Pairs query = {{"count", "1"}, {"cursor", cursor}};
  const Pairs other = {{"Authorization", absl::StrCat("Bearer ", kOther)}};
  EXPECT_EQ(Get("/Users", other, query).scim_type(), "invalidCursor");
  EXPECT_EQ(Get("/Users", {{"Authorization", "Bearer nobody"}}, query).status, 401);
  EXPECT_EQ(Get("/Users", {}, query).status, 200);
}

TEST_F(ScimCursors, GarbageIsInvalidAndSoIsWhatWasTamperedWith) {
  CreateUsers(3);
  const Pairs query = {{"count", "1"}};
  const std::string cursor = Next(Page("", query));
  for (size_t i = 0; i < cursor.size(); ++i) {
    std::string changed = cursor;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(Said(changed, query), "invalidCursor") << i;
    EXPECT_EQ(Said(cursor.substr(0, i + 1), query), i + 1 == cursor.size() ? "" : "invalidCursor");
  }
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string garbage(1 + random() % 80, '\0');
    for (char& c : garbage) c = static_cast<char>(random());
    EXPECT_EQ(Said(garbage, query), "invalidCursor");
  }
  for (const std::string& odd :
       {std::string(" "), std::string("null"), std::string("0"), cursor + "=", cursor + "A",
        " " + cursor, std::string(100'000, 'A')}) {
    EXPECT_EQ(Said(odd, query), "invalidCursor") << odd.substr(0, 80);
  }
}

TEST_F(ScimCursors, Promise27ACursorExpiresWhenItIsNotAskedForInTime) {
  CreateUsers(5);
  const json config = Get("/ServiceProviderConfig").Json()["pagination"];
  const absl::Duration timeout = absl::Seconds(config["cursorTimeout"].get<int>());
  const Pairs query = {{"count", "1"}};
  std::string cursor = Next(Page("", query));
  for (int page = 0; page < 3; ++page) {
    fake_clock_.Advance(timeout);
    const Answer answer = Page(cursor, query);
    ASSERT_EQ(answer.status, 200) << answer.body;
    cursor = Next(answer);
  }
  fake_clock_.Advance(timeout + absl::Milliseconds(1));
  EXPECT_EQ(Said(cursor, query), "expiredCursor");
  EXPECT_EQ(directory_->series().open(), 0u);
}

TEST_F(ScimCursors, TheSnapshotIsLetGoSoonAfterTheLastPage) {
  CreateUsers(2);
  const Pairs query = {{"count", "1"}};
  const std::string cursor = Next(Page("", query));
  EXPECT_EQ(Said(cursor, query), "");
  fake_clock_.Advance(absl::Seconds(30));
  EXPECT_EQ(Said(cursor, query), "");
  fake_clock_.Advance(absl::Seconds(31));
  EXPECT_EQ(Said(cursor, query), "expiredCursor");
}

TEST_F(ScimCursors, APageTellsHowOldItIs) {
  CreateUsers(3);
  const Pairs query = {{"count", "1"}};
  const Answer first = Page("", query);
  EXPECT_EQ(first.Header("Age"), "");
  fake_clock_.Advance(absl::Seconds(100));
  CreateUser("later");
  EXPECT_EQ(Page(Next(first), query).Header("Age"), "100");
}

TEST_F(ScimCursors, TheSeriesThatWaitedLongestMakesRoom) {
  CreateUsers(3);
  const Pairs query = {{"count", "1"}};
  const std::string first = Next(Page("", query)), second = Next(Page("", query));
  EXPECT_EQ(Said(first, query), "");
  for (size_t i = 0; i + 1 < OpenSeries::Options().max_open; ++i) Page("", query);
  EXPECT_EQ(directory_->series().open(), OpenSeries::Options().max_open);
  EXPECT_EQ(Said(first, query), "");
  EXPECT_EQ(Said(second, query), "expiredCursor");
}

// Series of readers of the rig's directory, in a table with bounds of the test's own.
class OpenSeriesTest : public ScimCursors {
 protected:
  std::string Add(OpenSeries* open, size_t rows = 0) {
    auto lease = directory_->readers().Take();
    std::vector<TypeQuery> asked = {{&scim::UserSchema(), {}}};
    if (rows > 0) asked[0].query.filter = *scim::ParseFilter(scim::UserSchema(), "userName pr");
    auto order = ListOrder::Of(asked, rows, **lease);
    EXPECT_EQ(order->held(), rows);
    auto series = std::make_shared<ListSeries>(*std::move(lease), *std::move(order), 10);
    series->head = *(*series->lease).FoldHead();
    return open->CursorFor(open->Add(std::move(series)), 1, "b");
  }
  static std::string Found(OpenSeries* open, const std::string& cursor) {
    return scim::Refusal(open->Find(cursor, "b").status());
  }
  static bool IsOpen(OpenSeries* open, const std::string& cursor) {
    return open->Find(cursor, "b").ok();
  }
};

TEST_F(OpenSeriesTest, WhatTheLogHasLeftTooFarBehindIsClosed) {
  CreateUsers(3);
  OpenSeries open({.clock = &clock_, .max_behind = 5});
  const std::string cursor = Add(&open);
  open.Expire(8);
  EXPECT_TRUE(IsOpen(&open, cursor));
  open.Expire(9);
  EXPECT_EQ(Found(&open, cursor), "400 expiredCursor");
}

TEST_F(OpenSeriesTest, TheRowsOfAllSeriesAreBounded) {
  CreateUsers(4);
  OpenSeries open({.clock = &clock_, .max_rows = 7});
  const std::string one = Add(&open, 3), two = Add(&open, 4);
  EXPECT_TRUE(IsOpen(&open, one) && IsOpen(&open, two));
  const std::string three = Add(&open, 2);
  EXPECT_EQ(Found(&open, one), "400 expiredCursor");
  EXPECT_TRUE(IsOpen(&open, two) && IsOpen(&open, three));
}

TEST_F(OpenSeriesTest, ACursorOfAnotherDirectoryOrProcessIsInvalid) {
  CreateUsers(1);
  OpenSeries one({.clock = &clock_}), other({.clock = &clock_});
  const std::string cursor = Add(&one);
  EXPECT_TRUE(IsOpen(&one, cursor));
  EXPECT_EQ(Found(&other, cursor), "400 invalidCursor");
}

TEST_F(ScimCursors, PagesAreAskedForByManyThreadsWhileSeriesComeAndGo) {
  CreateUsers(12);
  const Pairs query = {{"count", "2"}, {"sortBy", "title"}};
  const std::string cursor = Next(Page("", query));
  const auto walk = [&] {
    std::set<std::string> shown;
    std::string next = cursor;
    while (!next.empty()) {
      Pairs asked = query;
      asked.emplace_back("cursor", next);
      const auto answer = Send(Request("GET", "/Users", "", {}, asked));
      if (!answer->has_value() || (*answer)->status != 200) return shown;
      for (const std::string& name : Names(**answer)) shown.insert(name);
      next = Next(**answer);
    }
    return shown;
  };
  std::vector<std::set<std::string>> shown(4);
  std::vector<std::thread> threads;
  for (auto& names : shown) threads.emplace_back([&names, &walk] { names = walk(); });
  for (int i = 0; i < 100; ++i) directory_->series().Expire(20);
  for (std::thread& thread : threads) thread.join();
  for (const auto& names : shown) EXPECT_EQ(names.size(), 10u);
}

}  // namespace
}  // namespace purser
