#include "connectors/api/secrets.h"

#include <cstdlib>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace purser::connectors {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string WriteFile(const std::string& name, const std::string& content) {
  const std::string path = ::testing::TempDir() + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(Secrets, ReferencesInsideATextAreReplaced) {
  setenv("PURSER_TEST_COMPANY", "acme", 1);
  setenv("PURSER_TEST_LOGIN", "admin", 1);
  const auto text =
      ResolveSecrets("${env:PURSER_TEST_COMPANY}\\${env:PURSER_TEST_LOGIN}!", ProcessSecrets());
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, "acme\\admin!");
}

TEST(Secrets, TextWithoutAReferenceIsLeftAlone) {
  EXPECT_EQ(*ResolveSecrets("https://x/$y{z}", ProcessSecrets()), "https://x/$y{z}");
}

TEST(Secrets, AFileIsReadAgainAndItsEndTrimmed) {
  const std::string path = WriteFile("secret", "first\r\n \n");
  const std::string reference = "${file:" + path + "}";
  EXPECT_EQ(*ResolveSecrets(reference, ProcessSecrets()), "first");
  WriteFile("secret", "second");
  EXPECT_EQ(*ResolveSecrets(reference, ProcessSecrets()), "second");
}

TEST(Secrets, AnErrorNamesTheReferenceThatIsMissing) {
  unsetenv("PURSER_TEST_ABSENT");
  const auto absent = ResolveSecrets("${env:PURSER_TEST_ABSENT}", ProcessSecrets());
  EXPECT_TRUE(absl::IsNotFound(absent.status()));
  EXPECT_THAT(absent.status().ToString(), HasSubstr("${env:PURSER_TEST_ABSENT}"));
  EXPECT_TRUE(absl::IsNotFound(ResolveSecrets("${file:/no/such}", ProcessSecrets()).status()));
}

TEST(Secrets, AnEmptySecretIsNone) {
  setenv("PURSER_TEST_EMPTY", "", 1);
  EXPECT_FALSE(ResolveSecrets("${env:PURSER_TEST_EMPTY}", ProcessSecrets()).ok());
  const std::string path = WriteFile("empty", "\n");
  EXPECT_FALSE(ResolveSecrets("${file:" + path + "}", ProcessSecrets()).ok());
}

TEST(Secrets, AReferenceThatIsMalformedIsRefusedWithoutItsText) {
  EXPECT_TRUE(absl::IsInvalidArgument(ResolveSecrets("${file:x}", ProcessSecrets()).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ResolveSecrets("${vault:x}", ProcessSecrets()).status()));
  const auto open = ResolveSecrets("${hunter2", ProcessSecrets());
  EXPECT_TRUE(absl::IsInvalidArgument(open.status()));
  EXPECT_THAT(open.status().ToString(), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace purser::connectors
