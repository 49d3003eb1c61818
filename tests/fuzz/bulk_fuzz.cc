// A bulk request is an error, or operations of which each is done once, a POST before what refers
// to it; and what they came to can be rendered.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "broker/base/ids.h"
#include "broker/scim/bulk.h"
#include "tests/fuzz/fuzzing.h"

namespace {

using namespace purser;

void CheckOrder(const scim::BulkRequest& request) {
  const size_t count = request.operations.size();
  std::vector<size_t> step_of(count, count);
  for (size_t step = 0; step < request.steps.size(); ++step) {
    for (const size_t place : request.steps[step]) {
      fuzzing::Must(place < count && step_of[place] == count, "an operation is done once");
      step_of[place] = step;
    }
  }
  for (size_t place = 0; place < count; ++place) {
    fuzzing::Must(step_of[place] < count, "every operation is done");
    for (const size_t other : request.operations[place].references) {
      fuzzing::Must(request.operations[other].method == "POST", "a reference is to a POST");
      fuzzing::Must(step_of[other] <= step_of[place], "a POST comes before what refers to it");
    }
  }
}

// What refers to a POST that is refused fails with it, and may have no id.
void CheckOperation(const scim::BulkRequest& request, const scim::BulkOperation& operation) {
  if (!operation.refusal.ok()) return;
  const bool fails = std::any_of(operation.references.begin(), operation.references.end(),
                                 [&](size_t i) { return !request.operations[i].refusal.ok(); });
  fuzzing::Must(operation.schema != nullptr, "it is about a type of resources");
  fuzzing::Must(fails || !operation.id.empty(), "it is about a resource");
  if (!operation.input.has_value()) return;
  fuzzing::Must(fuzzing::IsCanonical(operation.input->attributes), "nothing unassigned is made");
  const auto refers = [](const std::string& id) {
    return absl::StartsWithIgnoreCase(id, "bulkId:");
  };
  const std::vector<std::string>& members = operation.input->members;
  fuzzing::Must(std::none_of(members.begin(), members.end(), refers), "a bulkId became an id");
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  SequentialIdSource ids;
  const auto request = scim::ParseBulk(*scim::StandardSchemas(), fuzzing::TextOf(data, size),
                                       [&ids] { return ids.NewId(absl::UnixEpoch()); });
  if (!request.ok()) return 0;
  CheckOrder(*request);
  std::vector<scim::BulkAnswer> answers;
  for (const scim::BulkOperation& operation : request->operations) {
    CheckOperation(*request, operation);
    answers.push_back(scim::AnswerOf({&operation, operation.refusal, 1}));
  }
  const std::string text = scim::RenderBulkResponse(answers, "https://id.example.com/scim/v2");
  fuzzing::Must(nlohmann::json::parse(text, nullptr, false).is_object(), "the answer is JSON");
  return 0;
}
