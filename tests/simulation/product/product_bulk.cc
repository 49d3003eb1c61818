// Bulk requests: some operations at once, that refer to each other now and then.
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/product/product_world.h"

namespace purser::simulation {
namespace {

using Kind = Operation::Kind;

std::string Reference(const OperationPtr& part) { return absl::StrCat("bulkId:", part->bulk_id); }

}  // namespace

OperationPtr ProductWorld::DrawBulk() {
  auto bulk = std::make_shared<Operation>();
  bulk->kind = Kind::kBulk;
  if (Chance(0.3)) bulk->fail_on_errors = 1 + Below(2);
  for (int count = 2 + Below(4); count > 0; --count) {
    OperationPtr part = DrawOperation();
    ++requests_;  // So that no two groups have one name.
    if (part->writes()) AddPart(std::move(part), bulk.get());
  }
  if (bulk->parts.empty()) return DrawOperation();
  return bulk;
}

void ProductWorld::AddPart(OperationPtr part, Operation* bulk) {
  part->bulk_id = absl::StrCat("b", bulk->parts.size());
  for (const OperationPtr& other : bulk->parts) {
    if (other->kind != Kind::kCreate || other->type != event::v1::USER || !Chance(0.5)) continue;
    const bool leaves = part->kind == Kind::kDelete;
    if (part->type == event::v1::GROUP && !leaves) part->added.push_back(Reference(other));
    if (part->type == event::v1::USER && !leaves) part->manager = Reference(other);
  }
  bulk->parts.push_back(std::move(part));
}

}  // namespace purser::simulation
