#include "broker/cli/output.h"

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "purser/admin/v1/admin.pb.h"

namespace purser {
namespace {

TEST(Output, ATablesColumnsAreAlignedByCharactersAndNoLineEndsInBlanks) {
  EXPECT_EQ(FormatTable({"NAME", "STATE", "X"}, {{"zoë", "up", ""}, {"bob-the-cook", "down", "1"}}),
            "NAME          STATE  X\n"
            "zoë           up\n"
            "bob-the-cook  down   1\n");
}

TEST(Output, AControlCharacterInACellCannotMoveTheCursor) {
  EXPECT_EQ(FormatTable({"A"}, {{"x\x1b[2J\ny"}}), "A\nx [2J y\n");
}

TEST(Output, JsonHasLowerCamelCaseKeysAndZerosToo) {
  admin::v1::AppStatus status;
  status.mutable_counts();
  const auto json = nlohmann::json::parse(FormatJson(status));
  EXPECT_EQ(json["lagEvents"], 0);
  EXPECT_EQ(json["breakerOpen"], false);
  EXPECT_EQ(json["counts"]["parked"], 0);
  EXPECT_FALSE(json.contains("oldestPending"));
}

TEST(Output, YamlSaysTheSameAsJson) {
  admin::v1::ApplyResponse response;
  response.add_items()->set_name("wiki: one");
  EXPECT_EQ(FormatYaml(response),
            "items:\n"
            "  -\n"
            "    kind: \"\"\n"
            "    name: \"wiki: one\"\n"
            "    id: \"\"\n"
            "    action: \"\"\n"
            "    changes: []\n"
            "    position: \"0\"\n"
            "dryRun: false\n");
}

}  // namespace
}  // namespace purser
