#include "broker/cli/session.h"

#include <unistd.h>

#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"

namespace purser {

ExitStatus ExitStatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitDone;
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
      return kExitRefusedByState;
    default:
      return kExitFailed;
  }
}

CliEnvironment StandardEnvironment() {
  CliEnvironment environment;
  environment.out = &std::cout;
  environment.err = &std::cerr;
  environment.in = &std::cin;
  environment.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  environment.in_is_terminal = isatty(STDIN_FILENO) == 1;
  environment.clock = &SystemClock();
  environment.ids = &RandomIdSource();
  environment.connect = [] { return ConnectByGrpc(OptionsFromEnvironment()); };
  environment.connect_to = [](const std::string& address) {
    ConnectionOptions options = OptionsFromEnvironment();
    options.address = address;
    return ConnectByGrpc(options);
  };
  return environment;
}

absl::Status Session::Connect() {
  if (connection_ != nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(connection_, environment_.connect());
  return absl::OkStatus();
}

absl::Status Session::Call(absl::string_view method, const google::protobuf::Message& request,
                           google::protobuf::Message* response) {
  RETURN_IF_ERROR(Connect());
  return connection_->Call(absl::StrCat("purser.admin.v1.", method), request, response);
}

absl::Status Session::Stream(absl::string_view method, const google::protobuf::Message& request,
                             google::protobuf::Message* message,
                             const std::function<void()>& each) {
  RETURN_IF_ERROR(Connect());
  return connection_->Stream(absl::StrCat("purser.admin.v1.", method), request, message, each);
}

void Session::Print(const google::protobuf::Message& message,
                    const std::function<std::string()>& table) {
  switch (format_) {
    case OutputFormat::kJson:
      out() << FormatJson(message);
      break;
    case OutputFormat::kYaml:
      out() << FormatYaml(message);
      break;
    case OutputFormat::kTable:
      out() << table();
      break;
  }
}

void Session::Note(const std::string& text) { *environment_.err << text << "\n"; }

void Session::Progress(const std::string& text) {
  if (!environment_.out_is_terminal) return;
  *environment_.err << "\r\033[K" << text << std::flush;
  progress_shown_ = true;
}

void Session::EndProgress() {
  if (progress_shown_) *environment_.err << "\r\033[K" << std::flush;
  progress_shown_ = false;
}

bool Session::Confirm(const std::string& question) {
  if (!environment_.in_is_terminal) return true;
  *environment_.err << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(*environment_.in, answer);
  answer = absl::AsciiStrToLower(absl::StripAsciiWhitespace(answer));
  return answer == "y" || answer == "yes";
}

int Session::Fail(const absl::Status& status) {
  EndProgress();
  *environment_.err << "purser: " << status.message() << "\n";
  return ExitStatusOf(status);
}

std::string Session::NewRequestId() { return environment_.ids->NewId(environment_.clock->Now()); }

}  // namespace purser
