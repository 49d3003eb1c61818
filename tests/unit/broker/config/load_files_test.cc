#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "broker/config/configuration.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace purser::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class LoadFilesTest : public testing::Test {
 protected:
  LoadFilesTest()
      : folder_(absl::StrCat(testing::TempDir(), "/load_files_",
                             testing::UnitTest::GetInstance()->random_seed(), "_",
                             testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~LoadFilesTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(absl::StrCat(folder_, "/", name)) << text;
    return absl::StrCat(folder_, "/", name);
  }

  const std::string folder_;
};

TEST_F(LoadFilesTest, AFolderIsReadInTheOrderOfItsNames) {
  Write("b.yaml", "apps: [{name: b}]");
  Write("a.yml", "apps: [{name: a}]");
  Write("notes.txt", "not yaml: [");
  const auto loaded = LoadFiles({folder_});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_EQ(loaded->configuration.apps_size(), 2);
  EXPECT_EQ(loaded->configuration.apps(0).name(), "a");
  EXPECT_EQ(loaded->places.at("apps[1].name"), absl::StrCat(folder_, "/b.yaml:1:9"));
}

TEST_F(LoadFilesTest, TheErrorsOfAllFilesAreTold) {
  const std::string a = Write("a.yaml", "ap: 1");
  const std::string b = Write("b.yaml", "apps: 1");
  EXPECT_THAT(std::string(LoadFiles({a, b}).status().message()),
              AllOf(HasSubstr("a.yaml:1:1"), HasSubstr("b.yaml:1:7")));
}

TEST_F(LoadFilesTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(LoadFiles({absl::StrCat(folder_, "/none.yaml")}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(LoadFiles({folder_}).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace purser::config
