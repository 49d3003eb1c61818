#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "absl/strings/escaping.h"
#include "broker/crypto/base64url.h"
#include "broker/crypto/secrets.h"
#include "broker/crypto/sha256.h"

namespace purser {
namespace {

std::string Hex(const Sha256Hash& hash) { return absl::BytesToHexString(AsBytes(hash)); }

// FIPS 180-4's examples.
TEST(Sha256, HashesAsTheStandardSays) {
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, PartsHashAsTheirConcatenation) { EXPECT_EQ(Sha256({"a", "", "bc"}), Sha256("abc")); }

TEST(Sha256, ThreadsDoNotDisturbEachOther) {
  const Sha256Hash expected = Sha256(std::string(10'000, 'x'));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 200; ++n) EXPECT_EQ(Sha256(std::string(10'000, 'x')), expected);
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(RandomBytes, AreAsManyAsAskedAndNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(seen.insert(RandomBytes(16)).second);
  EXPECT_EQ(RandomBytes(0).size(), 0u);
  EXPECT_EQ(RandomBytes(33).size(), 33u);
}

TEST(ConstantTimeEquals, TellsEqualFromDifferent) {
  EXPECT_TRUE(ConstantTimeEquals("", ""));
  EXPECT_TRUE(ConstantTimeEquals("secret", "secret"));
  EXPECT_FALSE(ConstantTimeEquals("secret", "secreT"));
  EXPECT_FALSE(ConstantTimeEquals("secret", "secret2"));
}

// RFC 4648, section 10.
TEST(Base64Url, EncodesAndDecodesTheVectorsOfTheRfc) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"\xfb\xff", "-_8"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(Base64UrlEncode(bytes), text);
    EXPECT_EQ(*Base64UrlDecode(text), bytes);
  }
}

TEST(Base64Url, RefusesWhatIsNotTheOneTextOfItsBytes) {
  for (const char* text : {"Zg==", "Z g", "Zh", "+/8", "Z", "Zm9v\n", "=", "Zm9vZ"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Base64UrlDecode(text).status())) << text;
  }
}

}  // namespace
}  // namespace purser
