#include "tests/simulation/product/directory_model.h"

#include "absl/strings/str_cat.h"
#include "broker/domain/caseless.h"
#include "broker/events/sealing.h"
#include "purser/event/v1/directory.pb.h"

namespace purser::simulation {
namespace {

using nlohmann::json;

template <typename Payload>
Payload PayloadOf(const event::v1::Envelope& envelope) {
  Payload payload;
  payload.ParseFromString(*Open(envelope.key_id(), envelope.payload()));
  return payload;
}

template <typename Payload>
void ChangeMembers(const Payload& payload, std::set<std::string>* members) {
  if (payload.members_cleared()) members->clear();
  for (const auto& member : payload.members_added()) members->insert(member.id());
  for (const std::string& id : payload.members_removed()) members->erase(id);
}

void Change(const event::v1::AttributeChange& change, json* attributes) {
  json& object = change.schema().empty() ? *attributes : (*attributes)[change.schema()];
  if (change.value().empty()) {
    object.erase(change.attribute());
  } else {
    object[change.attribute()] = json::parse(change.value());
  }
}

}  // namespace

std::vector<event::v1::Envelope> StreamJudge::Follow(std::vector<std::string>* found) {
  std::vector<event::v1::Envelope> fresh;
  const auto watermarks = cluster_->GetWatermarks(stream_);
  if (!watermarks.ok() || watermarks->high == judged_) return fresh;
  const auto carried = cluster_->Read(stream_, judged_, SIZE_MAX);
  for (const CarriedRecord& record : *carried) {
    ++judged_;
    event::v1::Envelope envelope;
    const auto standing = JudgeRecord(stream_, record.bytes, &head_, &envelope);
    if (!standing.ok()) found->push_back(standing.status().ToString());
    if (!standing.ok() || *standing != Standing::kValid) continue;
    valid_.push_back(record.bytes);
    if (!JoinRun(&envelope)) found->push_back("a run of records is not whole");
    fresh.push_back(std::move(envelope));
  }
  return fresh;
}

// Its pieces stand one behind the other, and nothing between them; one that is not ended is
// nothing.
bool StreamJudge::JoinRun(event::v1::Envelope* envelope) {
  const event::v1::Run& run = envelope->run();
  if (run.index() == 0) {
    run_id_ = run.id();
    pieces_.clear();
    next_piece_ = 0;
  }
  if (!envelope->has_run()) return true;
  const bool follows = run.id() == run_id_ && run.index() == next_piece_++;
  pieces_ += envelope->payload();
  if (envelope->kind() == event::v1::CHUNK) return follows && next_piece_ < run.count();
  envelope->set_payload(pieces_);
  ++runs_;
  return follows && next_piece_ == run.count();
}

std::string ManagerOf(const json& user) {
  const json extension = user.value(kEnterpriseUrn, json::object());
  return extension.value("manager", json::object()).value("value", "");
}

std::string ModelResource::Text(const std::string& attribute) const {
  return attributes.value(attribute, "");
}

const ModelResource* DirectoryModel::Find(const std::string& id) const {
  const auto it = resources.find(id);
  return it == resources.end() ? nullptr : it->second.get();
}

std::string DirectoryModel::HolderOf(const std::string& user_name) const {
  for (const auto& [id, resource] : resources) {
    if (resource->type == event::v1::USER && CaselessEqual(resource->Text("userName"), user_name)) {
      return id;
    }
  }
  return "";
}

std::vector<std::string> DirectoryModel::Ids(event::v1::ResourceType type) const {
  std::vector<std::string> ids;
  for (const auto& [id, resource] : resources) {
    if (resource->type == type) ids.push_back(id);
  }
  return ids;
}

void DirectoryModel::Apply(const event::v1::Envelope& envelope, StreamPosition position,
                           std::vector<std::string>* found) {
  const std::string& id = envelope.resource_id();
  const ModelResource* before = Find(id);
  ModelResource after = before == nullptr ? ModelResource() : *before;
  after.type = envelope.resource_type();
  after.version = position;
  const bool creates = envelope.kind() == event::v1::RESOURCE_CREATED;
  if (envelope.kind() == event::v1::BARRIER || envelope.kind() == event::v1::CHUNK) return;
  if (creates == (before != nullptr)) found->push_back(absl::StrCat(position, " breaks the state"));
  if (creates) {
    const auto created = PayloadOf<event::v1::ResourceCreated>(envelope);
    after.attributes = json::parse(created.attributes());
    for (const auto& member : created.members()) after.members.insert(member.id());
  } else if (envelope.kind() == event::v1::RESOURCE_CHANGED) {
    const auto changed = PayloadOf<event::v1::ResourceChanged>(envelope);
    for (const auto& change : changed.changes()) Change(change, &after.attributes);
    ChangeMembers(changed, &after.members);
  } else if (envelope.kind() == event::v1::RESOURCE_REPLACED) {
    const auto replaced = PayloadOf<event::v1::ResourceReplaced>(envelope);
    after.attributes = json::parse(replaced.attributes());
    ChangeMembers(replaced, &after.members);
  } else {
    return Delete(id, position);
  }
  Put(envelope, std::move(after), found);
}

void DirectoryModel::Put(const event::v1::Envelope& envelope, ModelResource resource,
                         std::vector<std::string>* found) {
  const std::string& id = envelope.resource_id();
  if (resource.type == event::v1::USER) {
    const std::string holder = HolderOf(resource.Text("userName"));
    if (!holder.empty() && holder != id) found->push_back("a userName is held twice");
  }
  for (const std::string& member : resource.members) {
    if (Find(member) == nullptr) found->push_back("somebody who does not exist is a member");
  }
  const ModelResource* before = Find(id);
  std::set<std::string> were;
  if (before != nullptr) were = before->members;
  for (const std::string& member : were) {
    if (!resource.members.contains(member)) Bump(member, resource.version);
  }
  for (const std::string& member : resource.members) {
    if (!were.contains(member)) Bump(member, resource.version);
  }
  resources[id] = std::make_shared<const ModelResource>(std::move(resource));
}

// Who joins or leaves a group shows it, and so is another version.
void DirectoryModel::Bump(const std::string& id, StreamPosition position) {
  const auto it = resources.find(id);
  if (it == resources.end()) return;
  ModelResource moved = *it->second;
  moved.version = position;
  it->second = std::make_shared<const ModelResource>(std::move(moved));
}

// Who is gone is a member of nothing, and nobody's manager.
void DirectoryModel::Delete(const std::string& id, StreamPosition position) {
  const auto gone = resources.find(id);
  if (gone == resources.end()) return;
  for (const std::string& member : gone->second->members) Bump(member, position);
  resources.erase(gone);
  for (auto& [other, resource] : resources) {
    const bool manages = ManagerOf(resource->attributes) == id;
    if (!manages && !resource->members.contains(id)) continue;
    ModelResource left = *resource;
    left.members.erase(id);
    if (manages) left.attributes[kEnterpriseUrn].erase("manager");
    left.version = position;
    resource = std::make_shared<const ModelResource>(std::move(left));
  }
}

}  // namespace purser::simulation
