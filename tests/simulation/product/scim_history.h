// What clients asked of a directory and were told, judged by the log.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/http/server.h"
#include "tests/simulation/product/directory_model.h"

namespace purser::simulation {

inline std::string EntityTag(StreamPosition version) { return absl::StrCat("W/\"", version, "\""); }

// One request and its answer.
struct Operation {
  enum class Kind { kCreate, kPatch, kReplace, kDelete, kGet, kFind, kBulk };

  Kind kind = Kind::kGet;
  event::v1::ResourceType type = event::v1::USER;
  std::string request_id;
  std::string id;  // whom it is about; of a create: whom it made
  // "userName", "title", "active", "displayName", as they are set.
  nlohmann::json values = nlohmann::json::object();
  std::vector<std::string> added;
  std::vector<std::string> removed;
  std::optional<std::string> manager;  // as it is set; empty: to none
  StreamPosition if_match = 0;

  // Of a bulk request: its operations, each with the id it has in it.
  std::vector<std::shared_ptr<Operation>> parts;
  std::string bulk_id;
  int fail_on_errors = 0;            // 0: none is said
  std::set<StreamPosition> claimed;  // records of it that were told as done

  StreamPosition asked_at = 0;  // how far the log had come
  StreamPosition answered_at = 0;
  int status = 0;  // 0: never answered
  std::string etag;
  nlohmann::json body;

  bool writes() const { return kind != Kind::kGet && kind != Kind::kFind; }
};
using OperationPtr = std::shared_ptr<Operation>;

// One thread.
class ScimHistory {
 public:
  // `cluster` and `found`, where what did not hold is told, outlive it.
  ScimHistory(const MemoryCluster* cluster, StreamId stream, std::vector<std::string>* found);

  // Judges what has come to the log since.
  void Follow();
  const DirectoryModel& now() const { return states_.back(); }
  StreamPosition end() const { return judge_.end(); }
  const StreamJudge& judge() const { return judge_; }

  // The request is about to be sent.
  void Ask(const OperationPtr& operation);
  // Its answer came.
  void Answer(const OperationPtr& operation, const http::Response& response);
  // No more answers come: what was refused stands nowhere, what was not told stands at most once.
  void CheckEnd();

  // How many were acknowledged, refused, and left without a verdict.
  struct Counts {
    int done = 0;
    int refused = 0;
    int unknown = 0;
    int in_bulk = 0;  // operations of bulk requests that were done
  };
  const Counts& counts() const { return counts_; }

 private:
  void CheckDone(const Operation& operation);
  void CheckWritten(const Operation& operation, StreamPosition at);
  void CheckUnchanged(const Operation& operation);
  void CheckRead(const Operation& operation);
  void CheckFound(const Operation& operation);
  void CheckRefusal(const Operation& operation);

  // scim_history_bulk.cc
  void AnswerBulk(Operation* bulk);
  void TellParts(Operation* bulk);
  void CheckPart(const Operation& part, Operation* bulk);
  void CheckPartDone(const Operation& part, Operation* bulk);
  bool RefersToFailed(const Operation& part, const Operation& bulk) const;
  void CheckUnclaimed(const Operation& bulk);

  bool IsReason(const Operation& operation, const DirectoryModel& state) const;
  template <typename Predicate>
  bool Sometime(const Operation& operation, const Predicate& holds) const;
  void Note(const Operation& operation, const std::string& what);

  StreamJudge judge_;
  std::vector<std::string>* const found_;
  std::vector<DirectoryModel> states_;                         // after so many valid records
  std::map<std::string, std::vector<StreamPosition>> stands_;  // by request id
  std::vector<std::string> touched_ = {""};  // by position: whom its record is about
  std::vector<OperationPtr> operations_;
  Counts counts_;
};

}  // namespace purser::simulation
