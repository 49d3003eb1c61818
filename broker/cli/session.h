// What a command works with while it runs: the terminal, the clock and the server.
#pragma once

#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/base/clock.h"
#include "broker/base/ids.h"
#include "broker/cli/connection.h"
#include "broker/cli/output.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// What scripts rely on.
enum ExitStatus {
  kExitDone = 0,
  kExitFailed = 1,  // also: the server is out of reach
  kExitUsage = 2,
  kExitNotFound = 3,
  kExitRefusedByState = 4,
  kExitHeldByGuard = 5,
};

ExitStatus ExitStatusOf(const absl::Status& status);

// Which log to read with the server down; one of the two is given.
struct OfflineLog {
  std::string data;            // the folder of the embedded log
  std::string address;         // "kafka://HOST:PORT/PREFIX"
  std::string kafka_security;  // a file: how its brokers are spoken to
};

// Where a command runs. All that is pointed to outlives it.
struct CliEnvironment {
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  std::istream* in = nullptr;
  bool out_is_terminal = false;
  bool in_is_terminal = false;
  const Clock* clock = nullptr;
  IdSource* ids = nullptr;
  std::function<absl::StatusOr<std::unique_ptr<AdminConnection>>()> connect;
  // The same, of another node. Unset: not offered.
  std::function<absl::StatusOr<std::unique_ptr<AdminConnection>>(const std::string& address)>
      connect_to;
  // Reads and checks a log that no server has open. Unset: not offered.
  std::function<absl::StatusOr<admin::v1::VerifyLogReport>(const OfflineLog&)> verify_offline;
};

// The standard streams, the system's clock and ids, and gRPC by PURSER_GRPC and PURSER_TOKEN.
CliEnvironment StandardEnvironment();

// One run of one command.
class Session {
 public:
  Session(const CliEnvironment& environment, OutputFormat format)
      : environment_(environment), format_(format) {}

  const CliEnvironment& environment() const { return environment_; }
  OutputFormat format() const { return format_; }
  std::ostream& out() const { return *environment_.out; }

  // Calls purser.admin.v1.`method`: "AppService/List".
  absl::Status Call(absl::string_view method, const google::protobuf::Message& request,
                    google::protobuf::Message* response);
  absl::Status Stream(absl::string_view method, const google::protobuf::Message& request,
                      google::protobuf::Message* message, const std::function<void()>& each);

  // Prints the message as JSON or YAML, or the table that `table` makes.
  void Print(const google::protobuf::Message& message, const std::function<std::string()>& table);

  // A line for people, beside the output.
  void Note(const std::string& text);
  // A line that the next one overwrites; shown on a terminal alone.
  void Progress(const std::string& text);
  void EndProgress();

  // Asks, where somebody sits at a terminal; true where nobody does.
  bool Confirm(const std::string& question);

  // Prints the error; the status to exit with.
  int Fail(const absl::Status& status);

  std::string NewRequestId();

 private:
  absl::Status Connect();

  const CliEnvironment& environment_;
  const OutputFormat format_;
  std::unique_ptr<AdminConnection> connection_;
  bool progress_shown_ = false;
};

// Asks for page after page, and puts all of them together.
template <typename Request, typename Response>
absl::Status CallPaged(Session& session, absl::string_view method, Request request, Response* all) {
  while (true) {
    Response page;
    const absl::Status status = session.Call(method, request, &page);
    if (!status.ok()) return status;
    const std::string next = page.next_page_token();
    page.clear_next_page_token();
    all->MergeFrom(page);
    if (next.empty()) return absl::OkStatus();
    request.set_page_token(next);
  }
}

}  // namespace purser
