#include "broker/config/configuration.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace purser::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kUrn[] = "urn:acme:params:scim:schemas:hr:2.0:User";

// What the check of a directory with these lines says, "fine" where it says nothing.
std::string Check(const std::string& lines) {
  LoadedConfiguration loaded;
  const std::string text = "directories:\n  - name: main\n" + lines;
  const absl::Status read = ReadYaml(text, "f.yaml", &loaded.configuration, &loaded.places);
  if (!read.ok()) return std::string(read.message());
  const absl::Status status = CheckConfiguration(loaded, {});
  return status.ok() ? "fine" : std::string(status.message());
}

std::string Schema(const std::string& urn, const std::string& rest) {
  return "      - urn: " + urn + "\n        extends: user\n" + rest;
}

// One schema, line 4 on; its attribute stands on line 7.
std::string CheckAttribute(const std::string& attribute) {
  return Check("    schemas:\n" + Schema(kUrn, "        attributes:\n          - " + attribute));
}

TEST(CheckSchemas, EveryCharacteristicCanBeSaid) {
  EXPECT_EQ(Check("    schemas:\n" + Schema(kUrn, R"(        name: Personnel
        description: What the personnel office knows.
        required: true
        attributes:
          - {name: costCode, required: true, case_exact: true, canonical_values: [A1, B2]}
          - {name: badge, mutability: immutable, returned: always, uniqueness: none}
          - {name: hired, type: date_time}
          - {name: desk, type: reference, reference_types: [external]}
          - {name: pin, mutability: write_only}
          - name: phones
            type: complex
            multi_valued: true
            sub_attributes:
              - {name: value, required: true}
              - {name: primary, type: boolean}
              - {name: $ref, type: reference, reference_types: [User]}
)")),
            "fine");
}

TEST(CheckSchemas, AUrnThatIsNoneTheStandardsOrThereAlreadyIsRefused) {
  const auto check = [](const std::string& urn) {
    return Check("    schemas:\n" + Schema(urn, "        attributes: [{name: a}]\n"));
  };
  for (const char* bad : {"acme", "urn:acme", "urn::a", "'urn:acme:a b'", "'urn:acme:x:'",
                          "urn:acme:a..b", "'urn:acme:a[0]'"}) {
    EXPECT_THAT(check(bad), AllOf(HasSubstr("f.yaml:4:"), HasSubstr("schemas[0].urn"),
                                  HasSubstr("is no URN"), HasSubstr("write such as")))
        << bad;
  }
  for (const char* taken : {"urn:ietf:params:scim:schemas:core:2.0:User",
                            "URN:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:User",
                            "urn:ietf:params:scim:api:messages:2.0:Error"}) {
    EXPECT_THAT(check(taken), AllOf(HasSubstr("is the standard's"), HasSubstr("of your own")));
  }
  EXPECT_EQ(check("urn:ietf:params:scim:schemas:extension:acme:2.0:User"), "fine");
  const std::string twice =
      Check("    schemas:\n" + Schema("urn:acme:a", "        attributes: [{name: a}]\n") +
            Schema("URN:ACME:A", "        attributes: [{name: b}]\n"));
  EXPECT_THAT(twice, AllOf(HasSubstr("f.yaml:7:"), HasSubstr("stands twice")));
}

TEST(CheckSchemas, WhomItExtendsAndWithWhatMustBeSaid) {
  EXPECT_THAT(Check("    schemas: [{urn: 'urn:acme:a'}]\n"),
              AllOf(HasSubstr("schemas[0].extends: say whose resources it extends: user or group"),
                    HasSubstr("schemas[0].attributes: an extension needs one")));
}

TEST(CheckSchemas, AnAttributesNameHasTheRfcsForm) {
  for (const char* bad : {"'cost code'", "4u", "''", "a.b", "a:b", "$ref", "naïve"}) {
    EXPECT_THAT(CheckAttribute("{name: " + std::string(bad) + "}\n"),
                AllOf(HasSubstr("f.yaml:7:"), HasSubstr("schemas[0].attributes[0].name"),
                      HasSubstr("is no attribute's name: a letter first")))
        << bad;
  }
  EXPECT_THAT(
      CheckAttribute("{name: code}\n          - {name: Code}\n"),
      AllOf(HasSubstr("f.yaml:8:"), HasSubstr("attributes[1].name: \"Code\" stands twice")));
}

TEST(CheckSchemas, SubAttributesAreOfAComplexAttributeAndSimpleThemselves) {
  EXPECT_THAT(CheckAttribute("{name: a, sub_attributes: [{name: b}]}\n"),
              HasSubstr("attributes[0].sub_attributes: only a complex attribute has them"));
  EXPECT_THAT(CheckAttribute("{name: a, type: complex}\n"),
              HasSubstr("a complex attribute needs one at least"));
  EXPECT_THAT(
      CheckAttribute("{name: a, type: complex, sub_attributes: [{name: b, type: complex}]}\n"),
      HasSubstr("sub_attributes[0].type: a sub-attribute is not complex itself"));
  EXPECT_THAT(
      CheckAttribute("{name: a, type: complex, sub_attributes: [{name: b, multi_valued: true}]}\n"),
      HasSubstr("let \"a\" have several"));
  EXPECT_THAT(CheckAttribute(
                  "{name: a, type: complex, sub_attributes: [{name: b, mutability: immutable}]}\n"),
              HasSubstr("say it of \"a\" as a whole"));
}

TEST(CheckSchemas, WhatCannotBeKeptIsRefused) {
  for (const char* uniqueness : {"server", "global"}) {
    EXPECT_THAT(CheckAttribute("{name: a, uniqueness: " + std::string(uniqueness) + "}\n"),
                AllOf(HasSubstr("attributes[0].uniqueness"), HasSubstr("userName and id unique")));
  }
  EXPECT_THAT(CheckAttribute("{name: a, mutability: write_only, returned: always}\n"),
              HasSubstr("never returned"));
  EXPECT_THAT(CheckAttribute("{name: a, mutability: write_only, required: true}\n"),
              HasSubstr("cannot be required"));
  EXPECT_THAT(CheckAttribute("{name: a, mutability: read_only, required: true}\n"),
              HasSubstr("cannot be required"));
  EXPECT_THAT(CheckAttribute("{name: a, reference_types: [User]}\n"),
              HasSubstr("goes with `type: reference` alone"));
}

TEST(CheckSchemas, AMistypedWordIsNamedWithWhatWasMeant) {
  EXPECT_THAT(CheckAttribute("{name: a, multiValued: true}\n"),
              AllOf(HasSubstr("f.yaml:7:"), HasSubstr("did you mean \"multi_valued\"")));
  EXPECT_THAT(CheckAttribute("{name: a, type: dateTime}\n"), HasSubstr("date_time"));
}

TEST(CheckDirectory, ALimitBeyondThatOfAllIsRefused) {
  EXPECT_EQ(Check("    limits: {max_results: 200, bulk_operations: 50, max_body_bytes: 65536}\n"),
            "fine");
  EXPECT_THAT(
      Check("    limits: {max_results: 5000}\n"),
      AllOf(HasSubstr("f.yaml:3:"), HasSubstr("limits.max_results"), HasSubstr("1000 or less")));
  EXPECT_THAT(Check("    limits: {bulk_operations: 1001}\n"), HasSubstr("1000 or less"));
  EXPECT_THAT(Check("    limits: {max_body_bytes: 33554433}\n"), HasSubstr("33554432 or less"));
}

TEST(CheckDirectory, AnAliasMayNameAnAttributeOfItsOwnSchemas) {
  const std::string schemas =
      "    schemas:\n" + Schema(kUrn, "        attributes: [{name: costCode}]\n");
  EXPECT_EQ(Check(schemas + "    aliases: {costCode: '" + kUrn + ":costCode'}\n"), "fine");
  EXPECT_THAT(Check(schemas + "    aliases: {costCode: '" + kUrn + ":costCod'}\n"),
              AllOf(HasSubstr("unknown attribute"), HasSubstr("costCode\"")));
}

}  // namespace
}  // namespace purser::config
