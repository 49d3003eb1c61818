#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/cli/command_builder.h"
#include "broker/cli/tables.h"

namespace purser {
namespace {

struct VerifyFlags {
  std::string data;
  std::string log;
  std::string kafka_security;
  std::vector<std::string> streams;
};

absl::StatusOr<admin::v1::VerifyLogReport> AskServer(Session& session, const VerifyFlags& flags) {
  admin::v1::VerifyLogRequest request;
  for (const std::string& stream : flags.streams) request.add_streams(stream);
  admin::v1::VerifyLogReport report;
  report.set_ok(true);
  admin::v1::VerifyLogUpdate update;
  const absl::Status status = session.Stream("LogService/Verify", request, &update, [&] {
    session.Progress(absl::StrCat(update.stream(), ": ", update.position(), " records"));
    if (!update.has_report()) return;
    report.set_ok(report.ok() && update.report().ok());
    *report.add_streams() = update.report();
  });
  session.EndProgress();
  if (!status.ok()) return status;
  return report;
}

absl::StatusOr<admin::v1::VerifyLogReport> Verify(Session& session, const VerifyFlags& flags) {
  if (flags.data.empty() && flags.log.empty()) return AskServer(session, flags);
  if (!session.environment().verify_offline) {
    return absl::UnimplementedError("this program reads no log by itself");
  }
  return session.environment().verify_offline({flags.data, flags.log, flags.kafka_security});
}

int RunVerify(Session& session, const VerifyFlags& flags) {
  const auto report = Verify(session, flags);
  if (!report.ok()) return session.Fail(report.status());
  session.Print(*report, [&] { return VerifyTable(*report); });
  return report->ok() ? kExitDone : kExitFailed;
}

}  // namespace

void AddLogCommands(CLI::App* root, ChosenCommand* chosen) {
  CLI::App* log = AddNoun(root, "log", "the record of everything");
  AddVerb<VerifyFlags>(
      log, chosen, "verify", "check the chain of every stream",
      [](CLI::App* command, VerifyFlags* flags) {
        CLI::Option* data =
            command->add_option("--data", flags->data, "read the log in this folder, no server");
        CLI::Option* log =
            command->add_option("--log", flags->log, "read the log at kafka://.., no server")
                ->excludes(data);
        command
            ->add_option("--kafka-security", flags->kafka_security,
                         "TLS and login to the brokers of --log: FILE")
            ->needs(log);
        command->add_option("--stream", flags->streams, "these alone: control, app/ID");
      },
      RunVerify);
}

}  // namespace purser
