#include "broker/mapping/expression.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace purser::mapping {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

Resource SampleUser() {
  Resource user;
  user.id = "u-1";
  user.attributes = {
      {"userName", "jdoe@example.com"},
      {"externalId", "x-17"},
      {"title", "Product Developer"},
      {"name", {{"givenName", "John"}, {"familyName", "Doe"}}},
      {"emails", {{{"type", "work"}, {"value", "John.Doe@contoso.com"}}}},
      {"phoneNumbers", {{{"type", "work"}, {"value", "+91 9998887777"}}}},
      {"addresses",
       {{{"type", "work"}, {"region", "QLD"}, {"streetAddress", "545 Tremont Street"}}}},
      {"roles", {{{"value", "a"}}, {{"value", "b"}}, {{"value", "a"}}}}};
  return user;
}

// What evaluating `text` for the sample user gives; an error as its message.
json Evaluate(absl::string_view text, EvaluationContext* context = nullptr) {
  static const Resource user = SampleUser();
  EvaluationContext own;
  if (context == nullptr) context = &own;
  context->source.resource = &user;
  const auto expression = Expression::Compile(text, {});
  if (!expression.ok()) return absl::StrCat("refused: ", expression.status().message());
  const auto value = expression->Evaluate(context);
  return value.ok() ? *value : json(absl::StrCat("failed: ", value.status().message()));
}

std::string Refusal(absl::string_view text) {
  const auto expression = Expression::Compile(text, {});
  return expression.ok() ? "accepted" : std::string(expression.status().message());
}

TEST(Expression, ReadsConstantsAndAttributes) {
  EXPECT_EQ(Evaluate("\"a \\\"b\\\" \\\\ c\""), "a \"b\" \\ c");
  EXPECT_EQ(Evaluate("&H0F"), 15);
  EXPECT_EQ(Evaluate(" -3 "), -3);
  EXPECT_EQ(Evaluate("[mail]"), "John.Doe@contoso.com");
  EXPECT_EQ(Evaluate("[emails[type eq \"work\"].value]"), "John.Doe@contoso.com");
  EXPECT_EQ(Evaluate("[department]"), json());
  EXPECT_EQ(Evaluate("[roles]"), json({"a", "b", "a"}));
}

TEST(Expression, WhatIsWrongIsNamedWithItsColumn) {
  EXPECT_THAT(Refusal("Append([mail], Joined(\"a\"))"),
              AllOf(HasSubstr("column 16"),
                    HasSubstr("unknown function \"Joined\"; did you mean \"Join\"?")));
  EXPECT_THAT(Refusal("append([mail], \"x\")"), HasSubstr("did you mean \"Append\"?"));
  EXPECT_THAT(Refusal("ToUpper([jobTitel])"),
              AllOf(HasSubstr("column 9"), HasSubstr("did you mean \"jobTitle\"?")));
  EXPECT_THAT(Refusal("Left(\"a\")"), HasSubstr("takes 2 arguments, not 1"));
  EXPECT_THAT(Refusal("Left(\"a\", 1"), HasSubstr("expected , or )"));
  EXPECT_THAT(Refusal("\"a"), HasSubstr("closing \""));
  EXPECT_THAT(Refusal("[mail"), HasSubstr("] of this attribute is missing"));
  EXPECT_THAT(Refusal("[mail] [mail]"), HasSubstr("unexpected"));
  EXPECT_THAT(Refusal("mail"), HasSubstr("[mail]"));
  EXPECT_THAT(Refusal(""), HasSubstr("empty"));
  EXPECT_THAT(Refusal(std::string(10'001, ' ')), HasSubstr("10000"));
  std::string deep;
  for (int i = 0; i < 500; ++i) deep += "Trim(";
  EXPECT_THAT(Refusal(deep), HasSubstr("nested too deeply"));
}

TEST(Expression, ComparisonsStandInConditionsAlone) {
  EXPECT_EQ(Evaluate("IIF([state] = \"QLD\", \"yes\", \"no\")"), "yes");
  EXPECT_EQ(Evaluate("IIF([state]<>\"QLD\", \"yes\", \"no\")"), "no");
  EXPECT_EQ(Evaluate("IIF(10 > 9, \"yes\", \"no\")"), "yes");
  EXPECT_EQ(Evaluate("IIF(\"10\" > \"9\", \"yes\", \"no\")"), "yes");
  EXPECT_EQ(Evaluate("IIF([department]=\"Sales\", \"yes\", \"no\")"), "no");
  EXPECT_EQ(Evaluate("IIF([department] < \"Sales\", \"yes\", \"no\")"), "no");
  EXPECT_EQ(Evaluate("IIF(IsPresent([mail]), [mail], Guid())"), "John.Doe@contoso.com");
  EXPECT_EQ(Evaluate("CBool([state]=\"QLD\")"), true);
  EXPECT_EQ(Evaluate("CBool(0)"), false);
  EXPECT_THAT(Refusal("Append([state] = \"QLD\", \"x\")"), HasSubstr("expected , or )"));
}

TEST(TextFunctions, GiveWhatTheIncumbentsExamplesSay) {
  EXPECT_EQ(Evaluate("Append(\"John.Doe@contoso.com\", \".test\")"), "John.Doe@contoso.com.test");
  EXPECT_EQ(Evaluate("Prepend(\"x-\", [surname])"), "x-Doe");
  EXPECT_EQ(Evaluate("Append([division], \".test\")"), json());
  EXPECT_EQ(Evaluate("Left(\"John Doe\", 3)"), "Joh");
  EXPECT_EQ(Evaluate("Left(\"John Doe\", 0)"), "");
  EXPECT_EQ(Evaluate("Left(\"John Doe\", -1)"), "John Doe");
  EXPECT_EQ(Evaluate("Left([division], 3)"), "");
  EXPECT_EQ(Evaluate("Left(\"Zoë\", \"3\")"), "Zoë");
  EXPECT_EQ(Evaluate("Append(Mid(\"John\", 1, 3), Mid(\"Doe\", 1, 5))"), "JohDoe");
  EXPECT_EQ(Evaluate("Mid(\"abc\", 4, 2)"), "");
  EXPECT_EQ(Evaluate("ConvertToBase64(\"Hello world!\")"), "SABlAGwAbABvACAAdwBvAHIAbABkACEA");
  EXPECT_EQ(Evaluate("ConvertToUTF8Hex(\"Hello world!\")"), "48656C6C6F20776F726C6421");
  EXPECT_EQ(Evaluate("BitAnd(&HF, &HF7)"), 7);
  EXPECT_EQ(Evaluate("InStr(\"The quick brown fox\",\"quick\")"), 5);
  EXPECT_EQ(Evaluate("InStr(\"repEated\",\"e\",3,vbBinaryCompare)"), 7);
  EXPECT_EQ(Evaluate("InStr(\"repEated\",\"e\",3,vbTextCompare)"), 4);
  EXPECT_EQ(Evaluate("InStr(\"abc\",\"x\")"), 0);
  EXPECT_EQ(Evaluate("NormalizeDiacritics(\"Zoë\")"), "Zoe");
  EXPECT_EQ(Evaluate("NormalizeDiacritics(\"Æsøß Łıñ\")"), "AEsoess Lin");
  EXPECT_EQ(Evaluate("PCase(\"PABLO GONSALVES (SECOND)\")"), "Pablo Gonsalves (Second)");
  EXPECT_EQ(Evaluate("PCase(\"PINTO-DE'SILVA\", \" '-\")"), "Pinto-De'Silva");
  EXPECT_EQ(Evaluate("StripSpaces(\" a b \")"), "ab");
  EXPECT_EQ(Evaluate("ToLower(\"ÄBC\")"), "äbc");
  EXPECT_EQ(Evaluate("ToUpper(\"title\", \"tr-TR\")"), "TİTLE");
  EXPECT_EQ(Evaluate("Word(\"This,string!has&many separators\",3,\",!&#\")"), "has");
  EXPECT_EQ(Evaluate("Word(\"The quick brown fox\",9,\" \")"), "");
  EXPECT_EQ(Evaluate("CStr(IsPresent([mail]))"), "True");
  EXPECT_EQ(Evaluate("Left([mail], \"x\")"), "failed: Left: argument 2 must be a whole number");
}

TEST(ReplaceFunction, ChoosesItsModeByTheArgumentsGiven) {
  EXPECT_EQ(Evaluate("Replace([jobTitle], \"Product Developer\", , , \"Software Engineer\", , )"),
            "Software Engineer");
  EXPECT_EQ(Evaluate("Replace(\"jsmith\", \"<username>\", , , , , \"<username>@contoso.com\")"),
            "jsmith@contoso.com");
  EXPECT_EQ(
      Evaluate(
          "Replace([telephoneNumber], , \"\\\\+(?<isdCode>\\\\d* )(?<phoneNumber>\\\\d{10})\", , "
          "\"${phoneNumber}\", , )"),
      "9998887777");
  EXPECT_EQ(Evaluate("Replace([streetAddress], , \"(?<streetNumber>^\\\\d*)\", \"streetNumber\", "
                     "\"888\", , )"),
            "888 Tremont Street");
  const char* other = ", , \"(?<local>[^@]+)@\", \"local\", , [mail], )";
  EXPECT_EQ(Evaluate(absl::StrCat("Replace([division]", other)), "John.Doe");
  EXPECT_EQ(Evaluate(absl::StrCat("Replace([surname]", other)), "Doe");
  EXPECT_EQ(Evaluate("Replace([division], , \"(?<l>[^@]+)@\", \"l\", , \"mail\", )"), "John.Doe");
  EXPECT_EQ(Evaluate("Replace([mail], \"@contoso.com\", , , \"\", , )"), "John.Doe");
}

TEST(ReplaceFunction, PatternsThatCannotRunInBoundedTimeAreRefusedWhenCompiled) {
  EXPECT_THAT(Refusal("Replace([mail], , \"(?=x)\", , \"y\", , )"), HasSubstr("look-around"));
  EXPECT_THAT(Refusal("Replace([mail], , \"(?<!x)y\", , \"y\", , )"), HasSubstr("look-around"));
  EXPECT_THAT(Refusal("Replace([mail], , \"(a)\\\\1\", , \"y\", , )"), HasSubstr("back-ref"));
  EXPECT_THAT(Refusal("Replace([mail], , \"(a\", , \"y\", , )"), HasSubstr("regular expression"));
}

TEST(ListFunctions, GiveWhatTheIncumbentsExamplesSay) {
  EXPECT_EQ(Evaluate("Join(\", \", \"\", \"Doe\", \"John\")"), "Doe, John");
  EXPECT_EQ(Evaluate("Join(\";\", [roles], [surname], [division])"), "a;b;a;Doe");
  EXPECT_EQ(Evaluate("Split(\"One, Two\", \",\")"), json({"One", "Two"}));
  EXPECT_EQ(Evaluate("Item([roles], 2)"), "b");
  EXPECT_EQ(Evaluate("Item([roles], 4)"), json());
  EXPECT_EQ(Evaluate("Count([roles])"), 3);
  EXPECT_EQ(Evaluate("RemoveDuplicates([roles])"), json({"a", "b"}));
}

TEST(ChoiceFunctions, GiveWhatTheIncumbentsExamplesSay) {
  EXPECT_EQ(Evaluate("Coalesce([division], [department], \"none\")"), "none");
  EXPECT_EQ(Evaluate("Switch(\"QLD\", \"S\", \"NSW\", \"S\", \"QLD\", \"B\")"), "B");
  EXPECT_EQ(Evaluate("Switch([state], \"other\", \"qld\", \"B\")"), "other");
  EXPECT_EQ(Evaluate("Switch([IsSoftDeleted], , \"False\", \"True\", \"True\", \"False\")"),
            "True");
  EXPECT_EQ(Evaluate("Not(\"True\")"), "False");
  EXPECT_EQ(Evaluate("Not([accountEnabled])"), "False");
  EXPECT_EQ(Evaluate("IsNull([division])"), true);
  EXPECT_EQ(Evaluate("IsNullOrEmpty(\"\")"), true);
  EXPECT_EQ(Evaluate("IsNothing([mail])"), false);
  EXPECT_EQ(Evaluate("IsString(7)"), false);
  EXPECT_THAT(Evaluate("Switch([state], \"d\", \"key\")").get<std::string>(), HasSubstr("refused"));
}

TEST(ChoiceFunctions, SayBesideTheirValueWhatTheFlowMustKnow) {
  EvaluationContext context;
  EXPECT_EQ(Evaluate("IgnoreFlowIfNullOrEmpty([division])", &context), json());
  EXPECT_TRUE(context.ignore);
  EvaluationContext redacted;
  EXPECT_EQ(Evaluate("Redact([surname])", &redacted), "Doe");
  EXPECT_TRUE(redacted.redact);
  EvaluationContext unique;
  EXPECT_EQ(Evaluate("SelectUniqueValue([division], [surname], Append([surname], \"1\"))", &unique),
            "Doe");
  EXPECT_EQ(unique.candidates, std::vector<json>({"Doe", "Doe1"}));
  EXPECT_THAT(Refusal("ToLower(SelectUniqueValue([mail]))"), HasSubstr("whole expression"));
}

TEST(RoleFunctions, GiveTheRolesInTheFormAsked) {
  const std::vector<AppRole> roles = {{"admin", "Administrator"}, {"user", "User"}};
  EvaluationContext context;
  context.source.roles = &roles;
  const json complex = {{{"value", "admin"}, {"display", "Administrator"}},
                        {{"value", "user"}, {"display", "User"}}};
  EXPECT_EQ(Evaluate("AssertiveAppRoleAssignmentsComplex([appRoleAssignments])", &context),
            complex);
  EXPECT_FALSE(context.additive);
  EXPECT_EQ(Evaluate("AppRoleAssignmentsComplex([appRoleAssignments])", &context), complex);
  EXPECT_TRUE(context.additive);
  EXPECT_EQ(Evaluate("AppRoleAssignments([appRoleAssignments])", &context),
            json({"admin", "user"}));
  EXPECT_EQ(Evaluate("SingleAppRoleAssignment([appRoleAssignments])", &context), "admin");
  EXPECT_EQ(Evaluate("SingleAppRoleAssignment([appRoleAssignments])"), json());
}

TEST(GeneratedFunctions, AskForOneValueForEachPlace) {
  std::vector<std::string> keys;
  EvaluationContext context;
  context.target = "externalId";
  context.generate = [&](Generated what, const std::string& key) -> std::string {
    keys.push_back(key);
    if (what == Generated::kNow) return "2020-03-16T07:00:00+00:00";
    return absl::StrCat("made-", key);
  };
  EXPECT_EQ(Evaluate("Join(\" \", Guid(), Guid())", &context),
            "made-externalId#11 made-externalId#19");
  EXPECT_EQ(Evaluate("Now()", &context), "3/16/2020 7:00:00 AM");
  EXPECT_TRUE(absl::LoadTimeZone("America/Los_Angeles", &context.time_zone));
  EXPECT_EQ(Evaluate("Today()", &context), "2020-03-16");
  const json random = Evaluate("RandomString(12, 2, 2, 2, 2, \"0Oo1l\")", &context);
  EXPECT_EQ(random.get<std::string>().size(), 12u);
  EXPECT_EQ(random, Evaluate("RandomString(12, 2, 2, 2, 2, \"0Oo1l\")", &context));
  EXPECT_EQ(random.get<std::string>().find_first_of("0Oo1l"), std::string::npos);
  EXPECT_THAT(Evaluate("RandomString(300, 2, 2, 2, 2)", &context).get<std::string>(),
              HasSubstr("failed"));
  EXPECT_THAT(Evaluate("Guid()").get<std::string>(), HasSubstr("failed"));
  context.default_domain = "example.com";
  EXPECT_EQ(Evaluate("Join(\"@\", [surname], DefaultDomain())", &context), "Doe@example.com");
}

TEST(DateFunctions, GiveWhatTheIncumbentsExamplesSay) {
  EXPECT_EQ(Evaluate("CDate(\"2020-03-16-07:00\")"), "3/16/2020 7:00:00 AM");
  EXPECT_EQ(Evaluate("CDate(\"2021-06-30+08:00\")"), "6/29/2021 4:00:00 PM");
  EXPECT_EQ(Evaluate("CDate(\"2021-06-30T12:00:00.5Z\")"), "6/30/2021 12:00:00 PM");
  EXPECT_EQ(Evaluate("DateAdd(\"d\", 7, \"2012-03-16-07:00\")"), "3/23/2012 7:00:00 AM");
  EXPECT_EQ(Evaluate("DateAdd(\"m\", 10, \"2012-03-16-07:00\")"), "1/16/2013 7:00:00 AM");
  EXPECT_EQ(Evaluate("DateAdd(\"m\", 1, \"2021-01-31\")"), "2/28/2021 12:00:00 AM");
  EXPECT_EQ(Evaluate("DateAdd(\"n\", -1, CDate(\"2021-01-01\"))"), "12/31/2020 11:59:00 PM");
  EXPECT_EQ(Evaluate("DateDiff(\"d\", \"2021-08-18+08:00\", \"2021-08-31+08:00\")"), 13);
  EXPECT_EQ(Evaluate("DateDiff(\"n\", \"2021-08-24\", \"2021-08-25\")"), 1440);
  EXPECT_EQ(Evaluate("DateDiff(\"ww\", \"8/25/2021 5:41:18 PM\", \"2012-03-16-07:00\")"), -493);
  EXPECT_EQ(Evaluate("DateDiff(\"yyyy\", \"8/25/2021 5:41:18 PM\", \"2012-03-16-07:00\")"), -9);
  EXPECT_EQ(Evaluate("DateFromNum(129699324000000000)"), "1/1/2012 11:00:00 PM");
  EXPECT_EQ(Evaluate("NumFromDate(\"2012-01-01T23:00:00Z\")"), 129699324000000000);
  EXPECT_EQ(Evaluate("NumFromDate(DateFromNum(0))"), 0);
  EXPECT_EQ(
      Evaluate("FormatDateTime(\"20150123105347.1Z\", , \"yyyyMMddHHmmss.fZ\", \"yyyy-MM-dd\")"),
      "2015-01-23");
}

TEST(DateFunctions, FormatsAreReadAndWrittenAsDotNetDoes) {
  const auto format = [](absl::string_view text, absl::string_view in, absl::string_view out) {
    return Evaluate(absl::StrCat("FormatDateTime(\"", text, "\", , \"", in, "\", \"", out, "\")"));
  };
  EXPECT_EQ(format("8/5/2021 12:41:08 AM", "M/d/yyyy h:mm:ss tt", "yyyy-MM-ddTHH:mm:ss.fffK"),
            "2021-08-05T00:41:08.000Z");
  EXPECT_EQ(format("05 Aug 21 17:00 +02:00", "dd MMM yy HH:mm zzz", "dddd, d MMMM yyyy 'at' h tt"),
            "Thursday, 5 August 2021 at 3 PM");
  EXPECT_EQ(format("2021-08-05", "", "MM/dd/yy"), "08/05/21");
  EXPECT_THAT(format("2021-02-31", "yyyy-MM-dd", "yyyy").get<std::string>(),
              HasSubstr("no such date"));
  EXPECT_THAT(format("x", "yyyy-MM-dd", "yyyy").get<std::string>(), HasSubstr("not in the format"));
  EXPECT_THAT(format("20210805", "yyyy", "yyyy").get<std::string>(), HasSubstr("longer"));
  EXPECT_THAT(Evaluate("CDate(\"yesterday\")").get<std::string>(), HasSubstr("CDate: not a date"));
  EXPECT_THAT(Evaluate("DateAdd(\"x\", 1, \"2021-01-01\")").get<std::string>(),
              HasSubstr("interval"));
  EXPECT_THAT(Evaluate("DateAdd(\"yyyy\", 999999999, \"2021-01-01\")").get<std::string>(),
              HasSubstr("beyond the year"));
}

}  // namespace
}  // namespace purser::mapping
