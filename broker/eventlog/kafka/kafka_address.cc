#include "broker/eventlog/kafka/kafka_address.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"

namespace purser {
namespace {

constexpr absl::string_view kScheme = "kafka://";
// A topic's name has at most 249 characters, a stream's id 100.
constexpr size_t kMaxPrefixSize = 100;

absl::Status Wrong(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("log address \"", text, "\": ", what,
                   "; expected kafka://HOST:PORT[,HOST:PORT...][/PREFIX]"));
}

bool IsHostAndPort(absl::string_view text) {
  const size_t colon = text.rfind(':');
  int port = 0;
  return colon != absl::string_view::npos && colon > 0 &&
         absl::SimpleAtoi(text.substr(colon + 1), &port) && port > 0 && port < 65536 &&
         text.find_first_of(" @?#\\") == absl::string_view::npos;
}

bool IsPrefix(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxPrefixSize && text[0] != '.' && text[0] != '_' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == '.';
         });
}

}  // namespace

absl::StatusOr<KafkaAddress> KafkaAddress::Parse(absl::string_view text) {
  absl::string_view rest = text;
  if (!absl::ConsumePrefix(&rest, kScheme)) return Wrong(text, "it does not begin with kafka://");
  KafkaAddress address;
  const size_t slash = rest.find('/');
  if (slash != absl::string_view::npos) {
    address.prefix = std::string(rest.substr(slash + 1));
    rest = rest.substr(0, slash);
    if (!IsPrefix(address.prefix)) {
      return Wrong(text, "a prefix is of letters, digits, '-', '_' and '.', at most 100");
    }
  }
  for (absl::string_view server : absl::StrSplit(rest, ',')) {
    if (!IsHostAndPort(server)) {
      return Wrong(text, absl::StrCat("\"", server, "\" is no HOST:PORT"));
    }
  }
  address.bootstrap = std::string(rest);
  return address;
}

std::string KafkaAddress::Topic(const StreamId& stream) const {
  return absl::StrCat(prefix, ".", absl::StrReplaceAll(stream.ToString(), {{"/", "."}}));
}

KafkaSettings KafkaAddress::ClientSettings() const {
  // A broker that falls silent, its connection standing, is given up after socket.timeout.ms: by
  // default a minute, in which nothing it leads could be written.
  KafkaSettings settings = {{"bootstrap.servers", bootstrap},
                            {"socket.timeout.ms", "5000"},
                            {"socket.connection.setup.timeout.ms", "10000"},
                            {"client.id", "purser"},
                            {"reconnect.backoff.ms", "50"},
                            {"reconnect.backoff.max.ms", "1000"},
                            {"allow.auto.create.topics", "false"}};
  const KafkaSettings secured = security.ToSettings();
  settings.insert(settings.end(), secured.begin(), secured.end());
  return settings;
}

std::string KafkaAddress::ToString() const { return absl::StrCat(kScheme, bootstrap, "/", prefix); }

}  // namespace purser
