#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/cli/command_builder.h"
#include "broker/cli/tables.h"

namespace purser {
namespace {

namespace fs = std::filesystem;

struct ApplyFlags {
  std::vector<std::string> paths;
  bool dry_run = false;
  Why why;
};

struct GetFlags {
  std::string kind;
  std::string name;
};

// A folder stands for its YAML files, by name.
std::vector<std::string> FilesAt(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return {path};
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    const std::string extension = entry.path().extension();
    if (extension == ".yaml" || extension == ".yml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<std::string> ReadText(Session& session, const std::string& path) {
  if (path == "-") {
    std::istream& in = *session.environment().in;
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  }
  return text.str();
}

template <typename Request>
absl::Status AddFiles(Session& session, const std::vector<std::string>& paths, Request* request) {
  for (const std::string& path : paths) {
    const std::vector<std::string> files = FilesAt(path);
    if (files.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("no .yaml file is in ", path));
    }
    for (const std::string& file : files) {
      ASSIGN_OR_RETURN(std::string text, ReadText(session, file));
      admin::v1::ConfigFile* out = request->add_files();
      out->set_name(file == "-" ? "standard input" : file);
      out->set_text(std::move(text));
    }
  }
  return absl::OkStatus();
}

// A file that says something wrong is a failure of the file, not of the command line.
int FailOnFile(Session& session, const absl::Status& status) {
  const int exit = session.Fail(status);
  return exit == kExitUsage ? kExitFailed : exit;
}

int RunApply(Session& session, const ApplyFlags& flags) {
  admin::v1::ApplyRequest request;
  if (const auto status = AddFiles(session, flags.paths, &request); !status.ok()) {
    return session.Fail(status);
  }
  request.set_dry_run(flags.dry_run);
  SetWhy(session, flags.why, &request);
  admin::v1::ApplyResponse response;
  const absl::Status status = session.Call("ConfigService/Apply", request, &response);
  if (!status.ok()) return FailOnFile(session, status);
  session.Print(response, [&] { return AppliedTable(response); });
  return kExitDone;
}

int RunDiff(Session& session, const ApplyFlags& flags) {
  admin::v1::DiffRequest request;
  if (const auto status = AddFiles(session, flags.paths, &request); !status.ok()) {
    return session.Fail(status);
  }
  admin::v1::ApplyResponse response;
  const absl::Status status = session.Call("ConfigService/Diff", request, &response);
  if (!status.ok()) return FailOnFile(session, status);
  session.Print(response, [&] { return AppliedTable(response); });
  return kExitDone;
}

int RunGet(Session& session, const GetFlags& flags) {
  admin::v1::GetConfigRequest request;
  request.set_kind(flags.kind);
  request.set_name(flags.name);
  admin::v1::GetConfigResponse response;
  const absl::Status status = session.Call("ConfigService/Get", request, &response);
  if (!status.ok()) return session.Fail(status);
  if (session.format() == OutputFormat::kJson) {
    session.out() << FormatJson(response.configuration());
  } else {
    session.out() << response.yaml();
  }
  return kExitDone;
}

void AddGet(CLI::App* parent, ChosenCommand* chosen, const std::string& verb,
            const std::string& kind) {
  AddVerb<GetFlags>(
      parent, chosen, verb, absl::StrCat("print the configuration of one ", kind),
      [kind](CLI::App* command, GetFlags* flags) {
        flags->kind = kind;
        command->add_option("NAME", flags->name, "its name or id")->required();
      },
      RunGet);
}

void BindFiles(CLI::App* command, ApplyFlags* flags) {
  command->add_option("-f,--file", flags->paths, "YAML file, folder of such, or - for input")
      ->required();
}

}  // namespace

void AddConfigCommands(CLI::App* root, ChosenCommand* chosen) {
  AddVerb<ApplyFlags>(
      root, chosen, "apply", "put directories and apps as YAML files say",
      [](CLI::App* command, ApplyFlags* flags) {
        BindFiles(command, flags);
        command->add_flag("--dry-run", flags->dry_run, "check and show, change nothing");
        BindWhy(command, &flags->why, false);
      },
      RunApply);
  AddVerb<ApplyFlags>(root, chosen, "diff", "show what apply would change", BindFiles, RunDiff);
  CLI::App* get = AddNoun(root, "get", "print configuration as it was put");
  AddGet(get, chosen, "app", "app");
  AddGet(get, chosen, "directory", "directory");
}

}  // namespace purser
