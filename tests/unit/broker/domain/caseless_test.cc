#include "broker/domain/caseless.h"

#include <gtest/gtest.h>

namespace purser {
namespace {

TEST(CaselessKey, AsciiDiffersByCaseAlone) {
  EXPECT_EQ(CaselessKey("Barbara.Jensen@Example.COM"), "barbara.jensen@example.com");
}

TEST(CaselessKey, FoldsBeyondAscii) {
  EXPECT_EQ(CaselessKey("STRASSE"), CaselessKey("straße"));
  EXPECT_EQ(CaselessKey("ÅSA"), CaselessKey("åsa"));
  EXPECT_EQ(CaselessKey("ΣΊΣΥΦΟΣ"), CaselessKey("σίσυφος"));
}

TEST(CaselessKey, ComposedAndDecomposedAreOne) {
  EXPECT_EQ(CaselessKey("jos\u00e9"), CaselessKey("jose\u0301"));
}

TEST(CaselessKey, FullWidthAndInvisibleCharactersMakeNoOtherName) {
  EXPECT_EQ(CaselessKey("\uff41dmin"), "admin");
  EXPECT_EQ(CaselessKey("ad\u200bmin"), "admin");
}

TEST(CaselessKey, IsIdempotent) {
  for (const char* text : {"İstanbul", "ẞ", "ﬁsh", "a\u0345\u0301"}) {
    EXPECT_EQ(CaselessKey(CaselessKey(text)), CaselessKey(text)) << text;
  }
}

TEST(CaselessKey, BytesThatAreNotUtf8DoNotCrash) {
  EXPECT_FALSE(CaselessKey("a\xff\xc3").empty());
  EXPECT_EQ(CaselessKey(""), "");
}

TEST(CaselessEqual, AgreesWithTheKeys) {
  EXPECT_TRUE(CaselessEqual("Anna", "ANNA"));
  EXPECT_TRUE(CaselessEqual("Ödman", "öDMAN"));
  EXPECT_FALSE(CaselessEqual("Odman", "Ödman"));
}

}  // namespace
}  // namespace purser
