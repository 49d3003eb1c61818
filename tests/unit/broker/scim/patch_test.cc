#include "broker/scim/patch.h"

#include <gtest/gtest.h>

#include "broker/scim/path.h"
#include "tests/support/scim_status.h"

namespace purser::scim {
namespace {

using nlohmann::json;

constexpr char kId[] = "0192f0c1-7d4a-7b3e-8f00-5a6b7c8d9e0f";
const std::string kEnterprise(kEnterpriseUrn);

std::string Body(const json& operations) {
  return json{{"schemas", {"urn:ietf:params:scim:api:messages:2.0:PatchOp"}},
              {"Operations", operations}}
      .dump();
}

json Barbara() {
  return json::parse(R"({
    "userName": "bjensen", "displayName": "Barbara", "title": "Guide", "active": true,
    "name": {"familyName": "Jensen", "givenName": "Barbara"},
    "emails": [{"value": "bj@work.example", "type": "work", "primary": true},
               {"value": "babs@home.example", "type": "home"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
      {"department": "Tour", "manager": {"value": "m1"}}})");
}

// The attributes after the operations, or the refusal.
json Patched(const json& operations, json attributes = Barbara()) {
  const absl::StatusOr<PatchRequest> request = ParsePatch(UserSchema(), Body(operations));
  if (!request.ok()) return Refusal(request.status());
  const absl::Status status = ApplyPatch(*request, kId, &attributes);
  return status.ok() ? attributes : json(Refusal(status));
}

json Op(const char* op, const char* path, const json& value) {
  return json::array({{{"op", op}, {"path", path}, {"value", value}}});
}
json Pathless(const char* op, const json& value) {
  return json::array({{{"op", op}, {"value", value}}});
}
json Remove(const char* path) { return json::array({{{"op", "remove"}, {"path", path}}}); }

TEST(ScimPromise01, OperationsApplyInOrderToTheRunningResult) {
  json operations = Op("add", "nickName", "a");
  operations.push_back(Op("replace", "nickName", "b")[0]);
  operations.push_back(Remove("title")[0]);
  operations.push_back(Op("add", "title", "Lead")[0]);
  const json after = Patched(operations);
  EXPECT_EQ(after["nickName"], "b");
  EXPECT_EQ(after["title"], "Lead");
}

TEST(ScimPromise02, AnEqualValueAddsNothing) {
  const json email = {{"value", "bj@work.example"}, {"type", "work"}, {"primary", true}};
  EXPECT_EQ(Patched(Op("add", "emails", {email})), Barbara());
  EXPECT_EQ(Patched(Op("add", "emails", email)), Barbara());
  EXPECT_EQ(Patched(Op("replace", "title", "Guide")), Barbara());
  EXPECT_EQ(Patched(Remove("nickName")), Barbara());
}

TEST(ScimPromise02, AnElementOfTheSameValueAndTypeIsMergedNotDoubled) {
  const json after = Patched(
      Op("add", "emails", {{"value", "babs@home.example"}, {"type", "home"}, {"display", "Babs"}}));
  EXPECT_EQ(after["emails"].size(), 2u);
  EXPECT_EQ(after["emails"][1]["display"], "Babs");
}

TEST(ScimPromise03, RemoveWithoutAPathIsNoTarget) {
  EXPECT_EQ(Patched(json::array({{{"op", "remove"}}})), "400 noTarget");
  EXPECT_EQ(Patched(Pathless("remove", {{"title", "x"}})), "400 noTarget");
}

TEST(ScimPromise03, ReplaceOfAValuePathWithoutAMatchIsNoTarget) {
  EXPECT_EQ(Patched(Op("replace", R"(emails[type eq "other"].value)", "x")), "400 noTarget");
  EXPECT_EQ(Patched(Op("replace", R"(phoneNumbers[type eq "work"])", {{"value", "1"}})),
            "400 noTarget");
}

TEST(ScimPromise03, ReplaceOfAnAbsentPlainAttributeAddsIt) {
  EXPECT_EQ(Patched(Op("replace", "nickName", "Babs"))["nickName"], "Babs");
}

TEST(ScimPromise03, AMalformedOrUnknownPathIsInvalidPath) {
  for (const char* path :
       {"shoeSize", "name.shoe", "emails[type eq \"work\"", "emails[type eq \"work\"]value",
        "emails[type eq \"work\"].shoe", "userName[value eq \"x\"]", "urn:unknown:2.0:User:title",
        "name..givenName", ".", " ", "emails]", "name.givenName[x pr]", "[type pr]"}) {
    EXPECT_EQ(Patched(Op("replace", path, "x")), "400 invalidPath") << path;
  }
  EXPECT_EQ(Patched(json::array({{{"op", "add"}, {"path", 5}, {"value", "x"}}})),
            "400 invalidPath");
  EXPECT_EQ(Patched(Op("replace", "emails[type xx \"work\"]", "x")), "400 invalidFilter");
  EXPECT_EQ(Patched(Op("replace", "emails[]", "x")), "400 invalidFilter");
}

TEST(ScimPromise03, AddToAValuePathWithoutAMatchCreatesTheElement) {
  const json after = Patched(Op("add", R"(emails[type eq "other"].value)", "o@example.com"));
  EXPECT_EQ(after["emails"][2], json({{"type", "other"}, {"value", "o@example.com"}}));
  const json two =
      Patched(Op("add", R"(phoneNumbers[type eq "work" and primary eq true].value)", "555"));
  EXPECT_EQ(two["phoneNumbers"], json({{{"type", "work"}, {"primary", true}, {"value", "555"}}}));
  EXPECT_EQ(Patched(Op("add", R"(phoneNumbers[type sw "work"].value)", "555")), "400 noTarget");
}

TEST(ScimPromise04, AValuePathTakesAWholeFilterAndChangesAllMatches) {
  const json all = Patched(Op("replace", R"(emails[value pr and not (type eq "x")].display)", "D"));
  EXPECT_EQ(all["emails"][0]["display"], "D");
  EXPECT_EQ(all["emails"][1]["display"], "D");
  const json one = Patched(Remove(R"(emails[type eq "home" or value co "none"])"));
  EXPECT_EQ(one["emails"].size(), 1u);
  EXPECT_EQ(one["emails"][0]["type"], "work");
}

TEST(ScimPromise04, RemovingTheLastValueUnassigns) {
  EXPECT_FALSE(Patched(Remove("emails[value pr]")).contains("emails"));
  EXPECT_FALSE(Patched(Remove("emails")).contains("emails"));
  json operations = Remove("name.givenName");
  operations.push_back(Remove("name.familyName")[0]);
  EXPECT_FALSE(Patched(operations).contains("name"));
}

TEST(ScimPromise04, AMatchedElementIsReplacedWholeAndAddedToInPart) {
  const json replaced =
      Patched(Op("replace", R"(emails[type eq "home"])", {{"value", "n"}, {"type", "other"}}));
  EXPECT_EQ(replaced["emails"][1], json({{"value", "n"}, {"type", "other"}}));
  const json added = Patched(Op("add", R"(emails[type eq "home"])", {{"display", "D"}}));
  EXPECT_EQ(added["emails"][1],
            json({{"value", "babs@home.example"}, {"type", "home"}, {"display", "D"}}));
}

TEST(ScimPromise05, APathlessOperationMergesAnObjectPerAttribute) {
  const json after =
      Patched(Pathless("replace", {{"title", "Lead"},
                                   {"name", {{"givenName", "Babs"}}},
                                   {"name.middleName", "J"},
                                   {kEnterprise, {{"costCenter", "4130"}}},
                                   {kEnterprise + ":department", "Sales"},
                                   {"urn:ietf:params:scim:schemas:core:2.0:User:nickName", "B"}}));
  EXPECT_EQ(after["title"], "Lead");
  EXPECT_EQ(after["name"],
            json({{"givenName", "Babs"}, {"familyName", "Jensen"}, {"middleName", "J"}}));
  EXPECT_EQ(
      after[kEnterprise],
      json({{"costCenter", "4130"}, {"department", "Sales"}, {"manager", {{"value", "m1"}}}}));
  EXPECT_EQ(after["nickName"], "B");
  EXPECT_EQ(after["emails"], Barbara()["emails"]);
}

TEST(ScimPromise05, APathlessAddKeepsTheOtherValues) {
  const json after = Patched(Pathless("add", {{"emails", {{{"value", "n@example.com"}}}}}));
  EXPECT_EQ(after["emails"].size(), 3u);
  EXPECT_EQ(Patched(Pathless("replace", {{"emails", {{{"value", "n@example.com"}}}}}))["emails"],
            json({{{"value", "n@example.com"}}}));
}

TEST(ScimPromise05, WithoutAPathTheValueMustBeAnObject) {
  EXPECT_EQ(Patched(Pathless("add", "x")), "400 invalidValue");
  EXPECT_EQ(Patched(json::array({{{"op", "add"}, {"path", "title"}}})), "400 invalidValue");
}

TEST(ScimPromise05, UnknownNamesAreIgnoredAsInPost) {
  EXPECT_EQ(Patched(Pathless("replace", {{"shoeSize", 43}, {"urn:x:y", {{"a", 1}}}})), Barbara());
}

TEST(ScimPromise06, APathMayBeAUrnInAnyCase) {
  EXPECT_EQ(Patched(Op("replace",
                       "URN:IETF:params:scim:schemas:extension:enterprise:2.0:user:"
                       "MANAGER.value",
                       "m2"))[kEnterprise]["manager"]["value"],
            "m2");
  EXPECT_EQ(Patched(Op("replace", "urn:ietf:params:scim:schemas:core:2.0:user:name.givenname",
                       "B"))["name"]["givenName"],
            "B");
  EXPECT_EQ(Patched(Op("add", kEnterpriseUrn.data(), {{"division", "D"}}))[kEnterprise]["division"],
            "D");
  EXPECT_FALSE(Patched(Remove(kEnterpriseUrn.data())).contains(kEnterprise));
}

TEST(ScimPromise07, AReadOnlyTargetIsRefusedInEveryShape) {
  const json group = {{"value", "g1"}};
  for (const json& operations :
       {Op("add", "groups", {group}), Op("replace", "groups", {group}), Remove("groups"),
        Remove(R"(groups[value eq "g1"])"), Op("replace", "groups.value", "g1"),
        Op("replace", "meta.created", "2026-01-01T00:00:00Z"), Remove("id"), Remove("meta"),
        Op("replace", "urn:ietf:params:scim:schemas:core:2.0:User:groups", {group}),
        Pathless("add", {{"groups", {group}}}), Pathless("replace", {{"meta", {{"version", "x"}}}}),
        Pathless("replace", {{"meta.version", "x"}}), Pathless("replace", {{"id", "another"}}),
        Op("replace", "id", "another"),
        Op("replace", (kEnterprise + ":manager.displayName").c_str(), "Boss"),
        Pathless("add", {{kEnterprise, {{"manager", {{"displayName", "Boss"}}}}}}),
        Pathless("add", {{kEnterprise + ":manager.displayName", "Boss"}})}) {
    EXPECT_EQ(Patched(operations), "400 mutability") << operations;
  }
}

TEST(ScimPromise07, TheResourcesOwnIdIsNoChange) {
  EXPECT_EQ(Patched(Pathless("replace", {{"id", kId}, {"displayName", "B"}}))["displayName"], "B");
  EXPECT_EQ(Patched(Op("replace", "id", kId)), Barbara());
}

TEST(ScimPromise07, ARequiredAttributeIsNotRemoved) {
  EXPECT_EQ(Patched(Remove("userName")), "400 mutability");
  EXPECT_EQ(Patched(Op("replace", "userName", nullptr)), "400 mutability");
  EXPECT_EQ(Patched(Op("replace", "userName", "")), "400 invalidValue");
}

TEST(ScimPromise08, ANewPrimaryTakesItFromTheOthers) {
  const json added =
      Patched(Op("add", "emails", {{{"value", "n@example.com"}, {"primary", true}}}));
  EXPECT_EQ(added["emails"][0]["primary"], false);
  EXPECT_EQ(added["emails"][2]["primary"], true);
  const json moved = Patched(Op("replace", R"(emails[type eq "home"].primary)", "True"));
  EXPECT_EQ(moved["emails"][0]["primary"], false);
  EXPECT_EQ(moved["emails"][1]["primary"], true);
  EXPECT_EQ(Patched(Op("replace", "emails[value pr].primary", true)), "400 invalidValue");
  EXPECT_EQ(Patched(Op("replace", "emails",
                       {{{"value", "a"}, {"primary", true}}, {{"value", "b"}, {"primary", true}}})),
            "400 invalidValue");
}

TEST(ScimPromise09, OpIsTakenInAnyCaseAndAnEmptyListIsNoChange) {
  EXPECT_EQ(Patched(Op("REPLACE", "title", "x"))["title"], "x");
  EXPECT_EQ(Patched(Op("Add", "title", "x"))["title"], "x");
  EXPECT_EQ(Patched(json::array()), Barbara());
}

TEST(ScimPromise09, OperationsAndItsSchemaMustBeThere) {
  const auto refused = [](const char* body) {
    return Refusal(ParsePatch(UserSchema(), body).status());
  };
  EXPECT_EQ(refused(R"({"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]})"),
            "400 invalidSyntax");
  EXPECT_EQ(refused(R"({"Operations":[]})"), "400 invalidSyntax");
  EXPECT_EQ(refused(R"([])"), "400 invalidSyntax");
  EXPECT_EQ(Patched(json::array({{{"op", "move"}, {"path", "title"}}})), "400 invalidSyntax");
  EXPECT_EQ(Patched(json::array({{{"path", "title"}}})), "400 invalidSyntax");
  EXPECT_EQ(Patched(json::array({5})), "400 invalidSyntax");
  EXPECT_TRUE(ParsePatch(UserSchema(),
                         R"({"SCHEMAS":["URN:ietf:params:scim:api:messages:2.0:PATCHOP"],
                             "operations":[{"OP":"add","Path":"title","VALUE":"x"}]})")
                  .ok());
}

TEST(ScimPromise11, NullAndEmptyUnassign) {
  EXPECT_FALSE(Patched(Op("replace", "title", nullptr)).contains("title"));
  EXPECT_FALSE(Patched(Op("add", "title", nullptr)).contains("title"));
  EXPECT_FALSE(Patched(Op("replace", "emails", json::array())).contains("emails"));
  EXPECT_FALSE(Patched(Op("replace", "name", json::object())).contains("name"));
  EXPECT_FALSE(Patched(Pathless("replace", {{"title", nullptr}})).contains("title"));
  EXPECT_EQ(Patched(Pathless("replace", {{"name", {{"givenName", nullptr}}}}))["name"],
            json({{"familyName", "Jensen"}}));
  EXPECT_FALSE(Patched(Op("replace", kEnterpriseUrn.data(), nullptr)).contains(kEnterprise));
  EXPECT_FALSE(
      Patched(Op("replace", R"(emails[type eq "home"].type)", nullptr))["emails"][1].contains(
          "type"));
}

TEST(ScimPromise11, AddingNothingTakesNothingAway) {
  EXPECT_EQ(Patched(Op("add", "emails", json::array())), Barbara());
}

TEST(ScimPromise23, APasswordIsCheckedAndDropped) {
  EXPECT_EQ(Patched(Op("replace", "password", "t1meMa$heen")), Barbara());
  EXPECT_EQ(Patched(Op("replace", "password", 5)), "400 invalidValue");
  EXPECT_EQ(Patched(Pathless("replace", {{"password", "x"}})), Barbara());
}

TEST(ApplyPatch, RemoveWithAListRemovesThoseListedAlone) {
  json operation = Remove("emails")[0];
  operation["value"] = json::array({{{"value", "babs@home.example"}}});
  const json after = Patched(json::array({operation}));
  ASSERT_EQ(after["emails"].size(), 1u);
  EXPECT_EQ(after["emails"][0]["type"], "work");
  operation["value"] = json::array();
  EXPECT_EQ(Patched(json::array({operation})), Barbara());
}

TEST(ApplyPatch, ASubAttributeWithoutAFilterMeansEveryValue) {
  const json after = Patched(Op("replace", "emails.display", "D"));
  EXPECT_EQ(after["emails"][0]["display"], "D");
  EXPECT_EQ(after["emails"][1]["display"], "D");
  EXPECT_EQ(Patched(Op("add", "phoneNumbers.value", "5"))["phoneNumbers"],
            json({{{"value", "5"}}}));
}

TEST(ApplyPatch, WrongTypesAreInvalidValue) {
  EXPECT_EQ(Patched(Op("replace", "title", 5)), "400 invalidValue");
  EXPECT_EQ(Patched(Op("replace", "active", "perhaps")), "400 invalidValue");
  EXPECT_EQ(Patched(Op("replace", "name", "x")), "400 invalidValue");
  EXPECT_EQ(Patched(Op("add", "emails", "x")), "400 invalidValue");
  EXPECT_EQ(Patched(Op("add", kEnterpriseUrn.data(), "x")), "400 invalidValue");
}

TEST(ApplyPatch, WorkIsCapped) {
  json many = Barbara();
  for (int i = 0; i < 5000; ++i) many["emails"].push_back({{"value", "v" + std::to_string(i)}});
  json listed = Remove("emails")[0];
  listed["value"] = many["emails"];
  EXPECT_EQ(Patched(json::array({listed}), many), "400 tooMany");
  json operations = json::array();
  for (int i = 0; i < 300; ++i) operations.push_back(Remove("emails[value eq \"x\"]")[0]);
  EXPECT_EQ(Patched(operations, many), "400 tooMany");
  for (int i = 0; i < 800; ++i) operations.push_back(Op("replace", "title", "x")[0]);
  EXPECT_EQ(Patched(operations), "413 ");
}

TEST(DiffAttributes, NamesEachTopLevelAttributeThatDiffers) {
  json after = Barbara();
  after["title"] = "Lead";
  after.erase("displayName");
  after[kEnterprise]["department"] = "Sales";
  const auto changes = DiffAttributes(Barbara(), after);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].attribute() + changes[0].value(), "title\"Lead\"");
  EXPECT_EQ(changes[1].attribute() + changes[1].value(), "displayName");
  EXPECT_EQ(changes[2].schema() + changes[2].attribute(), kEnterprise + "department");
}

TEST(DiffAttributes, TheOrderOfValuesIsNoDifference) {
  json after = Barbara();
  std::swap(after["emails"][0], after["emails"][1]);
  EXPECT_TRUE(DiffAttributes(Barbara(), after).empty());
}

TEST(DiffAttributes, AppliedToTheOldGivesTheNew) {
  json without = Barbara();
  without.erase(kEnterprise);
  without["nickName"] = "B";
  for (const auto& [from, to] : {std::pair{Barbara(), without}, std::pair{without, Barbara()}}) {
    json folded = from;
    for (const auto& change : DiffAttributes(from, to)) {
      EXPECT_TRUE(ApplyChange(change, &folded).ok());
    }
    EXPECT_EQ(folded, to);
  }
}

TEST(ParsePatch, AGroupsMembersAreKeptApart) {
  using Kind = MemberOperation::Kind;
  const auto parse = [](const json& operations) {
    return *ParsePatch(GroupSchema(), Body(operations));
  };
  const PatchRequest add = parse(Op("add", "members", {{{"value", "u1"}}, {{"value", "u2"}}}));
  EXPECT_TRUE(add.attributes.empty());
  EXPECT_EQ(add.members[0].kind, Kind::kAdd);
  EXPECT_EQ(add.members[0].ids, (std::vector<std::string>{"u1", "u2"}));
  EXPECT_EQ(parse(Remove("members")).members[0].kind, Kind::kRemoveAll);
  EXPECT_EQ(parse(Remove(R"(members[value eq "u1"])")).members[0].kind, Kind::kRemove);
  EXPECT_EQ(parse(Remove(R"(members[type eq "Group"])")).members[0].kind, Kind::kRemoveMatching);
  EXPECT_EQ(parse(Op("replace", "members", json::array())).members[0].kind, Kind::kReplaceAll);
  EXPECT_EQ(parse(Pathless("add", {{"members", {{{"value", "u1"}}}}})).members[0].kind, Kind::kAdd);
}

TEST(ScimPromise07, AMemberIsNeverChangedInPlace) {
  const auto refused = [](const json& operations) {
    return Refusal(ParsePatch(GroupSchema(), Body(operations)).status());
  };
  EXPECT_EQ(refused(Op("replace", R"(members[value eq "u1"].value)", "u2")), "400 mutability");
  EXPECT_EQ(refused(Op("replace", R"(members[value eq "u1"].display)", "B")), "400 mutability");
  EXPECT_EQ(refused(Op("add", "members", {{{"display", "B"}}})), "400 invalidValue");
}

}  // namespace
}  // namespace purser::scim
