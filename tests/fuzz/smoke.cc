// A fuzzer's `main` for compilers without one: the seeds, and mutations of them from one random
// seed. fuzz_NAME FOLDER [ROUNDS]
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "tests/fuzz/fuzzing.h"

namespace {

using Random = std::mt19937_64;

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

size_t Below(size_t limit, Random& random) { return limit == 0 ? 0 : random() % limit; }

// One change: a byte, a piece cut out, doubled, or taken from another seed.
void Mutate(const std::vector<std::string>& seeds, Random& random, std::string* input) {
  const size_t at = Below(input->size() + 1, random);
  const size_t length = Below(std::min<size_t>(input->size() - at, 24) + 1, random);
  switch (random() % 5) {
    case 0:
      if (at < input->size()) (*input)[at] = static_cast<char>(random());
      break;
    case 1:
      input->erase(at, length);
      break;
    case 2:
      input->insert(at, input->substr(at, length));
      break;
    case 3:
      input->insert(at, 1, "\"\\{}[]().,:$\0eE-9"[random() % 17]);
      break;
    default: {
      const std::string& other = seeds[Below(seeds.size(), random)];
      input->insert(at, other.substr(Below(other.size(), random), 1 + random() % 40));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: " << argv[0] << " FOLDER [ROUNDS]\n";
    return 2;
  }
  std::vector<std::string> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ostringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    seeds.push_back(text.str());
  }
  std::sort(seeds.begin(), seeds.end());  // A folder has no order.
  if (seeds.empty()) {
    std::cerr << argv[1] << " holds no seed\n";
    return 2;
  }
  for (const std::string& seed : seeds) Run(seed);
  Random random(20261121);
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 300'000;
  for (int round = 0; round < rounds; ++round) {
    std::string input = seeds[Below(seeds.size(), random)];
    for (size_t changes = 1 + random() % 6; changes > 0; --changes) Mutate(seeds, random, &input);
    Run(input);
  }
  std::cout << seeds.size() << " seeds and " << rounds << " mutations\n";
  return 0;
}
