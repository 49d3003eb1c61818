#include "broker/config/reference.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace purser::config {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(CheckSecretReference, TakesEnvironmentAndFileAlone) {
  EXPECT_TRUE(CheckSecretReference("${env:RECNICE_TOKEN}").ok());
  EXPECT_TRUE(CheckSecretReference("${file:/run/secrets/token}").ok());
  for (const char* text :
       {"hunter2", "", "${env:}", "${env:1A}", "${env:A B}", "${file:token}", "${file:/}",
        "${vault:x}", "${env:A", "x${env:A}", "${env:A}${env:B}", "$env:A"}) {
    EXPECT_FALSE(CheckSecretReference(text).ok()) << text;
  }
}

TEST(CheckSecretReference, NeverRepeatsWhatWasWritten) {
  const std::string message(CheckSecretReference("hunter2").message());
  EXPECT_THAT(message, HasSubstr("${env:NAME}"));
  EXPECT_THAT(message, Not(HasSubstr("hunter2")));
  EXPECT_THAT(std::string(CheckSecretReference("${hunter2}").message()), Not(HasSubstr("hunter2")));
}

TEST(CheckReferences, LooksAtEachOne) {
  EXPECT_TRUE(CheckReferences("https://${env:HOST}/${env:PATH_}").ok());
  EXPECT_TRUE(CheckReferences("no reference").ok());
  EXPECT_FALSE(CheckReferences("https://${env:HOST}/${env:").ok());
  EXPECT_FALSE(CheckReferences("https://${env:HOST}/${x}").ok());
}

TEST(CheckAppUrl, TakesHttpsAndLoopbackHttp) {
  for (const char* url :
       {"https://scim.recnice.com/scim/", "HTTPS://x", "http://127.0.0.1:8090/scim",
        "http://localhost:1", "http://[::1]:80/x", "https://x?y=z"}) {
    EXPECT_TRUE(CheckAppUrl(url).ok()) << url << CheckAppUrl(url);
  }
  for (const char* url :
       {"", "x", "ftp://x", "https://", "http://example.com", "https://u:p@x",
        "http://localhost.evil.com", "http://127.0.0.1.evil.com", "https://x:0", "https://x:y",
        "https://x y", "https://x#y", "http://127.0.0.1@evil.com"}) {
    EXPECT_FALSE(CheckAppUrl(url).ok()) << url;
  }
}

}  // namespace
}  // namespace purser::config
