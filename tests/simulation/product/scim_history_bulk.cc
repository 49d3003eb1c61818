// What bulk requests were told: each operation as if it had come alone.
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/simulation/product/scim_history.h"

namespace purser::simulation {
namespace {

using nlohmann::json;

std::string IdOf(const std::string& location) { return location.substr(location.rfind('/') + 1); }

StreamPosition PositionOf(const std::string& etag) {
  absl::string_view text = etag;
  uint64_t position = 0;
  const bool whole = absl::ConsumePrefix(&text, "W/\"") && absl::ConsumeSuffix(&text, "\"");
  return whole && absl::SimpleAtoi(text, &position) ? position : 0;
}

OperationPtr PartOf(const Operation& bulk, const std::string& bulk_id) {
  const auto part = std::find_if(bulk.parts.begin(), bulk.parts.end(),
                                 [&](const auto& one) { return one->bulk_id == bulk_id; });
  return part == bulk.parts.end() ? nullptr : *part;
}

// A reference to another part stands for what that one made.
void Resolve(const Operation& bulk, std::string* id) {
  absl::string_view name = *id;
  if (!absl::ConsumePrefix(&name, "bulkId:")) return;
  const OperationPtr part = PartOf(bulk, std::string(name));
  if (part != nullptr && !part->id.empty()) *id = part->id;
}

}  // namespace

void ScimHistory::AnswerBulk(Operation* bulk) {
  if (bulk->status == 503) {
    ++counts_.unknown;
    return;
  }
  if (bulk->status != 200) return Note(*bulk, "was refused, and never rightly so");
  TellParts(bulk);
  for (const OperationPtr& part : bulk->parts) {
    for (std::string& member : part->added) Resolve(*bulk, &member);
    if (part->manager.has_value()) Resolve(*bulk, &*part->manager);
  }
  for (const OperationPtr& part : bulk->parts) CheckPart(*part, bulk);
  CheckUnclaimed(*bulk);
}

// Each is told of once; only one that is to end early leaves any out.
void ScimHistory::TellParts(Operation* bulk) {
  size_t told = 0;
  for (const json& answer : bulk->body.value("Operations", json::array())) {
    const OperationPtr part = PartOf(*bulk, answer.value("bulkId", ""));
    if (part == nullptr || part->status != 0) return Note(*bulk, "tells of what was not asked");
    part->asked_at = bulk->asked_at;
    part->answered_at = bulk->answered_at;
    part->request_id = absl::StrCat(bulk->request_id, "/", part->bulk_id);
    part->etag = answer.value("version", "");
    if (!absl::SimpleAtoi(answer.value("status", ""), &part->status)) part->status = 0;
    const bool made = part->kind == Operation::Kind::kCreate && part->status == 201;
    if (made) part->id = IdOf(answer.value("location", ""));
    ++told;
  }
  if (told < bulk->parts.size() && bulk->fail_on_errors == 0) Note(*bulk, "leaves operations out");
}

void ScimHistory::CheckPart(const Operation& part, Operation* bulk) {
  if (part.status == 0) return;
  if (part.status == 503) {
    ++counts_.unknown;
  } else if (part.status < 300) {
    ++counts_.in_bulk;
    CheckPartDone(part, bulk);
  } else {
    ++counts_.refused;
    const bool referred = part.status == 409 && RefersToFailed(part, *bulk);
    if (!referred) CheckRefusal(part);
  }
}

// Its version is where its record stands; a delete has none.
void ScimHistory::CheckPartDone(const Operation& part, Operation* bulk) {
  for (const StreamPosition at : stands_[bulk->request_id]) {
    const bool its = part.kind == Operation::Kind::kDelete
                         ? touched_[at] == part.id && states_[at].Find(part.id) == nullptr
                         : at == PositionOf(part.etag) && touched_[at] == part.id;
    if (!its || !bulk->claimed.insert(at).second) continue;
    return CheckWritten(part, at);
  }
  CheckUnchanged(part);
}

bool ScimHistory::RefersToFailed(const Operation& part, const Operation& bulk) const {
  std::vector<std::string> references = part.added;
  references.push_back(part.manager.value_or(""));
  return std::any_of(bulk.parts.begin(), bulk.parts.end(), [&](const OperationPtr& other) {
    return other->status >= 300 && other->kind == Operation::Kind::kCreate &&
           std::find(references.begin(), references.end(),
                     absl::StrCat("bulkId:", other->bulk_id)) != references.end();
  });
}

// What stands and was not told as done is what may stand.
void ScimHistory::CheckUnclaimed(const Operation& bulk) {
  const auto stands = stands_.find(bulk.request_id);
  if (stands == stands_.end()) return;
  if (stands->second.size() > bulk.parts.size()) Note(bulk, "stands twice");
  if (bulk.status != 200) return;
  for (const StreamPosition at : stands->second) {
    const bool may = std::any_of(bulk.parts.begin(), bulk.parts.end(), [&](const auto& part) {
      const bool makes = part->kind == Operation::Kind::kCreate;
      return part->status == 503 && (makes || part->id == touched_[at]);
    });
    if (!may && !bulk.claimed.contains(at)) {
      Note(bulk, absl::StrCat("did at ", at, " what it was not told to have done"));
    }
  }
}

}  // namespace purser::simulation
