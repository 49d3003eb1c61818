#include "broker/config/check_events.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/base/nearest.h"
#include "broker/config/check_name.h"
#include "broker/config/reference.h"

namespace purser::config {
namespace {

using config::v1::Feed;

bool IsBeginning(const std::string& from) {
  uint64_t position = 0;
  return from.empty() || from == "beginning" || from == "now" || absl::SimpleAtoi(from, &position);
}

class EventsChecker {
 public:
  explicit EventsChecker(const config::v1::Directory& directory) : directory_(directory) {}

  std::vector<Problem> Check() {
    const config::v1::SecurityEvents& events = directory_.security_events();
    CheckKey("signing_key", events.signing_key());
    CheckKey("second_signing_key", events.second_signing_key());
    if (events.feeds_size() > 0 && events.issuer().empty() && directory_.public_url().empty()) {
      Add("issuer", "say who issues the events: an issuer here, or the directory's public_url");
    }
    for (int i = 0; i < events.feeds_size(); ++i) {
      CheckFeed(absl::StrCat("feeds[", i, "]."), events.feeds(i));
    }
    return std::move(problems_);
  }

 private:
  void Add(absl::string_view path, absl::string_view message) {
    problems_.push_back({absl::StrCat("security_events.", path), std::string(message)});
  }
  void Add(absl::string_view path, const absl::Status& status) {
    if (!status.ok()) Add(path, status.message());
  }
  void CheckKey(absl::string_view path, const std::string& key) {
    if (!key.empty()) Add(path, CheckSecretReference(key));
  }

  void CheckFeed(const std::string& root, const Feed& feed) {
    Add(absl::StrCat(root, "name"), CheckName(feed.name()));
    if (!names_.insert(feed.name()).second) {
      Add(absl::StrCat(root, "name"), absl::StrCat("there are two feeds ", feed.name()));
    }
    if (feed.audience().empty()) {
      Add(absl::StrCat(root, "audience"), "say whom the events are meant for");
    }
    for (int i = 0; i < feed.events_size(); ++i) {
      CheckEvent(absl::StrCat(root, "events[", i, "]"), feed.events(i));
    }
    if (!IsBeginning(feed.from())) {
      Add(absl::StrCat(root, "from"), "write beginning, now, or a position of the log");
    }
    if (feed.has_push()) CheckPush(absl::StrCat(root, "push."), feed.push());
  }

  void CheckEvent(const std::string& path, const std::string& event) {
    const std::vector<std::string> known(std::begin(kFeedEvents), std::end(kFeedEvents));
    if (std::find(known.begin(), known.end(), event) != known.end()) return;
    Add(path, absl::StrCat("unknown event \"", event, "\"", DidYouMean(event, known),
                           "; known: ", absl::StrJoin(known, ", ")));
  }

  void CheckPush(const std::string& root, const config::v1::Push& push) {
    if (push.url().empty()) {
      Add(absl::StrCat(root, "url"), "the receiver's address is needed");
    } else {
      Add(absl::StrCat(root, "url"),
          HasReference(push.url()) ? CheckReferences(push.url()) : CheckAppUrl(push.url()));
    }
    CheckKey(absl::StrCat(root, "token"), push.token());
  }

  const config::v1::Directory& directory_;
  std::set<std::string> names_;
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> CheckSecurityEvents(const config::v1::Directory& directory) {
  return EventsChecker(directory).Check();
}

}  // namespace purser::config
