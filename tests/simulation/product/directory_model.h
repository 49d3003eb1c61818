// What a directory's stream makes of it, as one who knows no more than the records' meaning.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/eventlog/memory/memory_cluster.h"
#include "broker/events/record.h"
#include "nlohmann/json.hpp"

namespace purser::simulation {

inline constexpr char kEnterpriseUrn[] =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

// What the apps call it.
inline constexpr char kManagerTarget[] =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

// Of a user as it is kept or shown; empty where there is none.
std::string ManagerOf(const nlohmann::json& user);

// The valid records of one stream, judged from the cluster's bytes alone.
class StreamJudge {
 public:
  StreamJudge(const MemoryCluster* cluster, StreamId stream)
      : cluster_(cluster), stream_(std::move(stream)), head_(EmptyHead(stream_)) {}

  // What became valid since the last call, the last record of a run with the whole payload; damage
  // goes to `found`.
  std::vector<event::v1::Envelope> Follow(std::vector<std::string>* found);

  const StreamId& stream() const { return stream_; }
  // How many valid records there are.
  StreamPosition end() const { return head_.position; }
  // How many events were of several records.
  int runs() const { return runs_; }
  const std::vector<std::string>& records() const { return valid_; }

 private:
  bool JoinRun(event::v1::Envelope* envelope);

  const MemoryCluster* const cluster_;
  const StreamId stream_;
  int64_t judged_ = 0;
  Head head_;
  std::vector<std::string> valid_;  // their bytes
  int runs_ = 0;
  // Of a run that has not ended.
  std::string run_id_;
  std::string pieces_;
  uint32_t next_piece_ = 0;
};

struct ModelResource {
  event::v1::ResourceType type = event::v1::USER;
  StreamPosition version = 0;
  nlohmann::json attributes;
  std::set<std::string> members;

  std::string Text(const std::string& attribute) const;
  bool active() const { return attributes.value("active", true); }
};

// The directory at one position.
struct DirectoryModel {
  std::map<std::string, std::shared_ptr<const ModelResource>> resources;

  const ModelResource* Find(const std::string& id) const;
  // Of a user; empty where nobody has that name.
  std::string HolderOf(const std::string& user_name) const;
  std::vector<std::string> Ids(event::v1::ResourceType type) const;

  // The next event; what it breaks goes to `found`.
  void Apply(const event::v1::Envelope& envelope, StreamPosition position,
             std::vector<std::string>* found);

 private:
  void Put(const event::v1::Envelope& envelope, ModelResource resource,
           std::vector<std::string>* found);
  void Delete(const std::string& id, StreamPosition position);
  void Bump(const std::string& id, StreamPosition position);
};

}  // namespace purser::simulation
