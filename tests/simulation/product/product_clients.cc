// What clients ask at the front doors.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/product/product_world.h"
#include "tests/simulation/product/scim_requests.h"

namespace purser::simulation {
namespace {

using Kind = Operation::Kind;

constexpr int kNames = 8;
constexpr size_t kMostUsers = 7;

OperationPtr NewOperation(Kind kind, const std::string& id = "",
                          event::v1::ResourceType type = event::v1::USER) {
  auto operation = std::make_shared<Operation>();
  operation->kind = kind;
  operation->id = id;
  operation->type = type;
  return operation;
}

}  // namespace

ProductNode* ProductWorld::AnyDoor() {
  const Place& place = places_[static_cast<size_t>(Below(static_cast<int>(places_.size())))];
  const bool open = place.node != nullptr && place.state != State::kStopping;
  return open && place.node->ready() ? place.node.get() : nullptr;
}

// One request; or the same at several doors at once.
void ProductWorld::Ask() {
  const OperationPtr operation = Chance(temper_.bulk) ? DrawBulk() : DrawOperation();
  // Two groups may have one name; the apps would not have it.
  const bool group = operation->kind == Kind::kCreate && operation->type == event::v1::GROUP;
  const bool bulk = operation->kind == Kind::kBulk;
  const int copies = operation->writes() && !group && !bulk && Chance(0.25) ? 2 + Below(2) : 1;
  for (int copy = 0; copy < copies; ++copy) Send(std::make_shared<Operation>(*operation));
}

void ProductWorld::Send(OperationPtr operation) {
  ProductNode* node = AnyDoor();
  if (node == nullptr) return;
  operation->request_id = absl::StrCat("r", ++requests_);
  history_.Ask(operation);
  const http::Request request = RequestOf(*operation);
  node->Handle(request, [this, operation](http::Response response) {
    if (response.render) response = response.render();
    history_.Answer(operation, response);
  });
}

std::string ProductWorld::DrawId(event::v1::ResourceType type) {
  const std::vector<std::string> ids = history_.now().Ids(type);
  if (ids.empty() || Chance(0.03)) return "01890000-0000-7000-8000-00000000dead";
  return ids[static_cast<size_t>(Below(static_cast<int>(ids.size())))];
}

// Few, so that they meet; some of many bytes.
std::string ProductWorld::DrawTitle() {
  const int dots = !plain_ && Chance(0.2) ? 300 * Below(3) : 0;
  return absl::StrCat("title ", Below(3), std::string(static_cast<size_t>(dots), '.'));
}

OperationPtr ProductWorld::DrawOperation() {
  const int what = Below(100);
  const size_t users = history_.now().Ids(event::v1::USER).size();
  if ((what < 25 && users < kMostUsers) || users == 0) {
    auto create = NewOperation(Kind::kCreate);
    create->values = {{"userName", absl::StrCat("name", Below(kNames))},
                      {"active", Chance(0.85)},
                      {"title", DrawTitle()}};
    if (!plain_ && Chance(0.3)) create->manager = DrawId(event::v1::USER);
    return create;
  }
  if (what < 38) return NewOperation(Kind::kGet, DrawId(event::v1::USER));
  if (what < 43) {
    auto find = NewOperation(Kind::kFind);
    find->values = {{"userName", absl::StrCat("name", Below(kNames))}};
    return find;
  }
  if (what < 58) return DrawGroupChange();
  return DrawUserChange(DrawId(event::v1::USER));
}

OperationPtr ProductWorld::DrawUserChange(const std::string& id) {
  auto change = NewOperation(Chance(0.12) ? Kind::kDelete : Kind::kPatch, id);
  const ModelResource* now = history_.now().Find(id);
  if (now != nullptr && Chance(0.3)) {
    change->if_match = std::max<StreamPosition>(1, now->version - (Chance(0.3) ? 1 : 0));
  }
  if (change->kind == Kind::kDelete) return change;
  const int what = Below(plain_ ? 10 : 12);  // The last ones are of managers.
  if (what < 6) {
    change->values["title"] = DrawTitle();
  } else if (what < 8) {
    change->values["active"] = now == nullptr || !now->active();
  } else if (what < 10) {
    change->values["userName"] = absl::StrCat("name", Below(kNames));
  } else if (what < 11) {
    change->manager = Chance(0.2) ? "" : DrawId(event::v1::USER);
  } else {
    change->kind = Kind::kReplace;
    change->manager = Chance(0.5) ? "" : DrawId(event::v1::USER);
    change->values = {{"userName", absl::StrCat("name", Below(kNames))},
                      {"active", Chance(0.85)},
                      {"title", DrawTitle()}};
  }
  return change;
}

OperationPtr ProductWorld::DrawGroupChange() {
  const std::vector<std::string> groups = history_.now().Ids(event::v1::GROUP);
  if (groups.size() < 2) {
    auto create = NewOperation(Kind::kCreate, "", event::v1::GROUP);
    create->values = {{"displayName", absl::StrCat("group ", requests_)}};
    if (Chance(0.5)) create->added = {DrawId(event::v1::USER)};
    return create;
  }
  const std::string& id = groups[static_cast<size_t>(Below(static_cast<int>(groups.size())))];
  if (Chance(0.1)) return NewOperation(Kind::kDelete, id, event::v1::GROUP);
  if (Chance(0.15)) return NewOperation(Kind::kGet, id, event::v1::GROUP);
  auto change = NewOperation(Kind::kPatch, id, event::v1::GROUP);
  const ModelResource* now = history_.now().Find(id);
  for (const std::string& user : history_.now().Ids(event::v1::USER)) {
    if (!Chance(0.4)) continue;
    (now->members.contains(user) ? change->removed : change->added).push_back(user);
  }
  if (change->added.empty() && change->removed.empty()) change->kind = Kind::kGet;
  return change;
}

}  // namespace purser::simulation
