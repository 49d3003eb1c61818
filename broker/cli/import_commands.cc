#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/cli/command_builder.h"
#include "broker/cli/import_run.h"
#include "broker/cli/tables.h"

namespace purser {
namespace {

struct ImportFlags {
  std::vector<std::string> files;
  std::vector<std::string> users;
  std::vector<std::string> groups;
  std::string format;
  std::vector<std::string> map;
  std::string map_file;
  std::string delimiter = ",";
  std::string separator = ";";
  std::string directory;
  std::string existing = "update";
  std::string report;
  bool dry_run = false;
  Why why;
};

ImportFormat FormatOf(const std::string& path, const std::string& asked) {
  if (asked == "csv" || (asked.empty() && absl::EndsWithIgnoreCase(path, ".csv"))) {
    return ImportFormat::kCsv;
  }
  const bool lines =
      absl::EndsWithIgnoreCase(path, ".jsonl") || absl::EndsWithIgnoreCase(path, ".ndjson");
  return asked == "lines" || (asked.empty() && lines) ? ImportFormat::kJsonLines
                                                      : ImportFormat::kJsonList;
}

absl::Status AddFiles(const std::vector<std::string>& paths, const std::string& type,
                      const std::string& format, ImportOptions* options) {
  for (const std::string& path : paths) {
    const ImportFile file{path, FormatOf(path, format), type};
    if (file.format == ImportFormat::kCsv && type.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, " is CSV: give it as --users FILE or --groups FILE"));
    }
    options->files.push_back(file);
  }
  return absl::OkStatus();
}

absl::StatusOr<char> OneByte(const std::string& option, const std::string& text) {
  if (text == "\\t" || text == "tab") return '\t';
  if (text.size() == 1 && text != "\"" && text != "\n") return text.front();
  return absl::InvalidArgumentError(absl::StrCat(option, " takes one character, or tab"));
}

absl::StatusOr<ImportOptions> OptionsOf(Session& session, const ImportFlags& flags) {
  ImportOptions options;
  RETURN_IF_ERROR(AddFiles(flags.users, "user", flags.format, &options));
  RETURN_IF_ERROR(AddFiles(flags.files, "", flags.format, &options));
  RETURN_IF_ERROR(AddFiles(flags.groups, "group", flags.format, &options));
  if (options.files.empty()) return absl::InvalidArgumentError("no file to import is given");
  if (!flags.map_file.empty()) RETURN_IF_ERROR(AddMappingFile(flags.map_file, &options.map));
  for (const std::string& mapping : flags.map) RETURN_IF_ERROR(AddMapping(mapping, &options.map));
  ASSIGN_OR_RETURN(options.delimiter, OneByte("--delimiter", flags.delimiter));
  ASSIGN_OR_RETURN(options.separator, OneByte("--separator", flags.separator));
  options.report = flags.report;
  options.request.set_directory(flags.directory);
  options.request.set_keep_existing(flags.existing == "skip");
  options.request.set_dry_run(flags.dry_run);
  SetWhy(session, flags.why, &options.request);
  return options;
}

int RunImport(Session& session, const ImportFlags& flags) {
  auto options = OptionsOf(session, flags);
  if (!options.ok()) return session.Fail(options.status());
  ImportRun run(&session, *std::move(options));
  if (const absl::Status status = run.Run(); !status.ok()) {
    const int exit = session.Fail(status);
    if (!absl::IsInvalidArgument(status)) session.Note("to import the files again is safe");
    return exit;
  }
  session.Print(run.report(), [&] { return ImportTable(run.report()); });
  if (run.faults() > ImportRun::kMaxRefusals) {
    session.Note(absl::StrCat(run.faults() - ImportRun::kMaxRefusals,
                              " more are not shown: --report FILE takes all of them"));
  }
  return run.faults() == 0 ? kExitDone : kExitFailed;
}

void BindImport(CLI::App* command, ImportFlags* flags) {
  command->add_option("FILE", flags->files, "SCIM lists (.json) or JSON lines (.jsonl, .ndjson)");
  command->add_option("--users", flags->users, "a file of users: CSV, or as FILE")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command->add_option("--groups", flags->groups, "a file of groups, likewise")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command->add_option("--format", flags->format, "list, lines or csv, whatever a file's name")
      ->check(CLI::IsMember({"list", "lines", "csv"}));
  command->add_option("--map", flags->map, "what a column of CSV is; without PATH: nothing")
      ->type_name("COLUMN=PATH")
      ->allow_extra_args(false);
  command->add_option("--map-file", flags->map_file, "a file of such, one a line")
      ->type_name("FILE");
  command->add_option("--delimiter", flags->delimiter, "between the fields of CSV, or tab");
  command->add_option("--separator", flags->separator, "between the members in a field of CSV");
  command
      ->add_option("--existing", flags->existing,
                   "who is there already: update gives them what the file says, skip leaves "
                   "them as they are")
      ->check(CLI::IsMember({"update", "skip"}));
  command->add_option("--directory", flags->directory,
                      "the directory; may be left out where there is one");
  command->add_flag("--dry-run", flags->dry_run, "check and count, change nothing");
  command->add_option("--report", flags->report, "what was refused, as CSV")->type_name("FILE");
  BindWhy(command, &flags->why, false);
}

}  // namespace

void AddImportCommands(CLI::App* root, ChosenCommand* chosen) {
  AddVerb<ImportFlags>(root, chosen, "import", "bring the users and groups of files in", BindImport,
                       RunImport);
}

}  // namespace purser
