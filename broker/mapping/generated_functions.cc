// Functions whose values are made up, once for a delivery: Guid, RandomString, SelectUniqueValue.
#include <cstdint>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/mapping/function.h"

namespace purser::mapping {
namespace {

using nlohmann::json;

constexpr int64_t kLongestRandomString = 256;

absl::StatusOr<std::string> Make(const FunctionCall& call, Generated what) {
  if (call.context()->generate) return call.context()->generate(what, call.GenerateKey());
  return absl::FailedPreconditionError(
      absl::StrCat(call.node().function->name, ": nothing to make values up with"));
}

absl::StatusOr<json> Guid(const FunctionCall& call) {
  ASSIGN_OR_RETURN(std::string guid, Make(call, Generated::kGuid));
  return json(std::move(guid));
}

// Letters and digits that RandomString() draws from, without those to avoid.
std::string Without(absl::string_view letters, absl::string_view avoid) {
  std::string left;
  for (char letter : letters) {
    if (avoid.find(letter) == absl::string_view::npos) left.push_back(letter);
  }
  return left;
}

// A stream of choices that one generated text determines.
class Choices {
 public:
  explicit Choices(const std::string& text) {
    std::seed_seq seed(text.begin(), text.end());
    engine_.seed(seed);
  }
  size_t Below(size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(engine_);
  }

 private:
  std::mt19937_64 engine_;
};

// Draws at least the wanted number of each kind, fills up from all of them, and shuffles.
absl::StatusOr<json> RandomString(const FunctionCall& call) {
  static constexpr absl::string_view kKinds[] = {"0123456789", "!#$%&()*+,-./:;<=>?@[]^_{|}~",
                                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                                                 "abcdefghijklmnopqrstuvwxyz"};
  ASSIGN_OR_RETURN(const int64_t length, call.Integer(0));
  ASSIGN_OR_RETURN(const std::string avoid, call.Text(5));
  if (length < 1 || length > kLongestRandomString) {
    return absl::InvalidArgumentError("RandomString: the length must be from 1 to 256");
  }
  ASSIGN_OR_RETURN(const std::string seed, Make(call, Generated::kRandom));
  Choices choices(seed);
  std::string out;
  std::string all;
  for (size_t kind = 0; kind < 4; ++kind) {
    ASSIGN_OR_RETURN(const int64_t wanted, call.Integer(kind + 1));
    const std::string letters = Without(kKinds[kind], avoid);
    if (wanted <= 0 || letters.empty()) continue;
    all += letters;
    for (int64_t i = 0; i < wanted && i < length; ++i)
      out += letters[choices.Below(letters.size())];
  }
  if (all.empty()) all = Without("abcdefghijklmnopqrstuvwxyz", avoid);
  if (all.empty()) return absl::InvalidArgumentError("RandomString: every character is avoided");
  while (static_cast<int64_t>(out.size()) < length) out += all[choices.Below(all.size())];
  if (static_cast<int64_t>(out.size()) > length) {
    return absl::InvalidArgumentError(
        "RandomString: more characters are asked for than its length");
  }
  for (size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[choices.Below(i)]);
  return json(out);
}

absl::StatusOr<json> DefaultDomain(const FunctionCall& call) {
  const std::string& domain = call.context()->default_domain;
  if (!domain.empty()) return json(domain);
  return absl::FailedPreconditionError(
      "DefaultDomain: the directory has none; set its default_domain");
}

absl::StatusOr<json> SelectUniqueValue(const FunctionCall& call) {
  std::vector<json> candidates;
  for (size_t i = 0; i < call.size(); ++i) {
    ASSIGN_OR_RETURN(json value, call.Value(i));
    if (!IsEmptyValue(value)) candidates.push_back(std::move(value));
  }
  json first = candidates.empty() ? json() : candidates.front();
  call.context()->candidates = std::move(candidates);
  return first;
}

}  // namespace

const std::vector<Function>& GeneratedFunctions() {
  static const auto* const kFunctions = [] {
    auto* functions =
        new std::vector<Function>{{"Guid", 0, 0, Guid},
                                  {"RandomString", 5, 6, RandomString},
                                  {"DefaultDomain", 0, 0, DefaultDomain},
                                  {"SelectUniqueValue", 1, kAnyNumber, SelectUniqueValue}};
    functions->back().top_level = true;
    return functions;
  }();
  return *kFunctions;
}

}  // namespace purser::mapping
