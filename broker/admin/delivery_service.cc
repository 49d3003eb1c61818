#include "broker/admin/delivery_service.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/admin/backwards.h"
#include "broker/admin/lookup.h"
#include "broker/base/status.h"
#include "broker/eventlog/whole_event.h"
#include "broker/events/sealing.h"

namespace purser {
namespace {

using admin::v1::ListDeliveriesRequest;
using admin::v1::ListDeliveriesResponse;

constexpr int kStandardPage = 50;

admin::v1::Exchange ToProto(const event::v1::Exchange& exchange, const std::string& app) {
  admin::v1::Exchange out;
  *out.mutable_time() = exchange.time();
  out.set_app(app);
  out.set_resource_id(exchange.resource_id());
  out.set_type(WordOf(exchange.resource_type()));
  out.set_operation_id(exchange.operation_id());
  out.set_request_id(exchange.request_id());
  out.set_trace_parent(exchange.trace_parent());
  out.set_verb(exchange.verb());
  out.set_method(exchange.method());
  out.set_url(exchange.url());
  out.set_http_status(exchange.http_status());
  out.set_verdict(exchange.verdict());
  const auto& took = exchange.duration();
  out.set_duration_ms(static_cast<uint32_t>(took.seconds() * 1000 + took.nanos() / 1'000'000));
  out.set_summary(exchange.summary());
  out.set_message(exchange.message());
  return out;
}

// One page, filled from the newest exchange to the oldest.
class PageOfExchanges {
 public:
  PageOfExchanges(const std::string& app, std::string resource_id, int size)
      : app_(app), resource_id_(std::move(resource_id)), size_(size) {}

  // False once it is full and there is more.
  bool Add(StreamPosition position, const event::v1::Exchanges& batch, int before) {
    for (int index = std::min(before, batch.exchanges_size()) - 1; index >= 0; --index) {
      const event::v1::Exchange& exchange = batch.exchanges(index);
      if (!resource_id_.empty() && exchange.resource_id() != resource_id_) continue;
      if (page_.exchanges_size() == size_) {
        page_.set_next_page_token(FormatPlace(last_));
        return false;
      }
      *page_.add_exchanges() = ToProto(exchange, app_);
      last_ = {position, index};
    }
    return true;
  }

  ListDeliveriesResponse Take() { return std::move(page_); }

 private:
  const std::string app_;
  const std::string resource_id_;
  const int size_;
  Place last_;
  ListDeliveriesResponse page_;
};

}  // namespace

absl::StatusOr<ListDeliveriesResponse> ListDeliveries(const AdminContext& context, const Caller&,
                                                      const ListDeliveriesRequest& request) {
  const std::shared_ptr<const ControlState> state = context.control->state();
  ASSIGN_OR_RETURN(const AppEntry* app, FindApp(*state, request.app()));
  std::string resource_id;
  if (!request.user().empty()) {
    ASSIGN_OR_RETURN(const FoundSubject found,
                     FindSubject(context, *state, app->directory_id, request.user()));
    resource_id = found.subject.id();
  }
  const StreamId stream = StreamId::Exchanges(app->id);
  ASSIGN_OR_RETURN(const Place from, BeginPages(*context.log, stream, request.page_token()));
  PageOfExchanges page(app->app.name(), resource_id, PageSize(request.page_size(), kStandardPage));
  RETURN_IF_ERROR(VisitBackwards(
      *context.log, stream, from.position, [&](StreamPosition position, const std::string& bytes) {
        event::v1::Exchanges batch;
        if (!batch.ParseFromString(bytes)) return true;
        const int before = position == from.position ? from.index : std::numeric_limits<int>::max();
        return page.Add(position, batch, before);
      }));
  return page.Take();
}

absl::StatusOr<std::optional<admin::v1::Exchange>> LastExchange(const AdminContext& context,
                                                                const AppEntry& app,
                                                                const Lane& lane) {
  std::optional<admin::v1::Exchange> last;
  if (lane.last_record == 0) return last;
  ASSIGN_OR_RETURN(const event::v1::Envelope envelope,
                   ReadEvent(*context.log, StreamId::App(app.id), lane.last_record));
  ASSIGN_OR_RETURN(const std::string payload, Open(envelope.key_id(), envelope.payload()));
  event::v1::Outcomes outcomes;
  if (!outcomes.ParseFromString(payload)) return absl::DataLossError("outcomes do not decode");
  for (const event::v1::Outcome& outcome : outcomes.outcomes()) {
    if (outcome.resource_id() != lane.resource_id) continue;
    last.reset();
    if (outcome.has_exchange()) last = ToProto(outcome.exchange(), app.app.name());
  }
  return last;
}

std::string ExchangeText(const admin::v1::Exchange& exchange) {
  const std::string answer = exchange.http_status() == 0
                                 ? "was not answered"
                                 : absl::StrCat("answered ", exchange.http_status());
  return absl::StrCat(exchange.method(), " ", exchange.url(), " ", answer, " after ",
                      exchange.duration_ms(), " ms", exchange.summary().empty() ? "" : ": ",
                      exchange.summary());
}

}  // namespace purser
