#include "broker/cli/import_run.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "broker/base/status.h"
#include "broker/domain/caseless.h"
#include "broker/scim/error.h"

namespace purser {
namespace {

using State = ImportIds::State;

constexpr int kLinesInBatch = 256;
// The server decides a batch in one go: some 10 ms. A reference costs about what 64 bytes do.
constexpr size_t kCostOfBatch = 1u << 20;
constexpr size_t kCostOfReference = 64;
constexpr size_t kMaxLineBytes = 1u << 20;
constexpr int kMembersInLine = 2'000;

constexpr const char* kMendFile = "mend the line, and import the file again";

std::string CsvCell(absl::string_view text) {
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

}  // namespace

ImportRun::ImportRun(Session* session, ImportOptions options)
    : session_(session), options_(std::move(options)), batch_(options_.request) {}

absl::Status ImportRun::Run() {
  report_.set_dry_run(options_.request.dry_run());
  if (!options_.report.empty()) {
    report_file_.open(options_.report, std::ios::trunc);
    if (!report_file_) {
      return absl::InvalidArgumentError(absl::StrCat("cannot write ", options_.report));
    }
    report_file_ << "file,line,field,message,remedy\n";
  }
  RETURN_IF_ERROR(Prepare());
  phase_ = "lines";
  RETURN_IF_ERROR(ReadFiles(
      [this](ReadLine read, uint32_t in_file) { return PutLine(std::move(read), in_file); }));
  RETURN_IF_ERROR(Flush());
  phase_ = "managers and members";
  if (!incomplete_.empty()) {
    ImportIds::Line line = 0;
    size_t next = 0;
    RETURN_IF_ERROR(ReadFiles([&](const ReadLine& read, uint32_t) {
      const bool wanted = next < incomplete_.size() && incomplete_[next] == line;
      next += wanted ? 1 : 0;
      const ImportIds::Line current = line++;
      return wanted ? CompleteLine(read, current) : absl::OkStatus();
    }));
    RETURN_IF_ERROR(Flush());
  }
  session_->EndProgress();
  CountLines();
  if (!report_file_.is_open() || report_file_.flush()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("cannot write ", options_.report));
}

absl::Status ImportRun::Prepare() {
  for (const ImportFile& file : options_.files) {
    std::ifstream in(file.path, std::ios::binary);
    std::error_code error;
    bytes_ += std::filesystem::file_size(file.path, error);
    if (!in || error) return absl::InvalidArgumentError(absl::StrCat("cannot read ", file.path));
    columns_.emplace_back();
    if (file.format != ImportFormat::kCsv) continue;
    auto columns = PrepareColumns(file, &in);
    if (absl::IsInvalidArgument(columns.status())) {
      return absl::InvalidArgumentError(absl::StrCat(file.path, ": ", columns.status().message()));
    }
    ASSIGN_OR_RETURN(columns_.back(), std::move(columns));
  }
  return absl::OkStatus();
}

absl::StatusOr<Columns> ImportRun::PrepareColumns(const ImportFile& file, std::istream* in) {
  CsvSource csv(in, options_.delimiter);
  ASSIGN_OR_RETURN(const std::vector<std::string> header, csv.Header());
  Columns columns(header, options_.map, file.type, options_.separator);
  admin::v1::CheckPathsRequest request;
  request.set_directory(options_.request.directory());
  request.set_type(file.type);
  for (const std::string& path : columns.paths()) request.add_paths(path);
  admin::v1::CheckPathsResponse response;
  RETURN_IF_ERROR(session_->Call("ImportService/CheckPaths", request, &response));
  std::string wrong;
  for (int i = 0; i < response.errors_size(); ++i) {
    if (response.errors(i).empty()) continue;
    const std::string& name = columns.names()[static_cast<size_t>(i)];
    absl::StrAppend(&wrong, "\ncolumn \"", name, "\": ", response.errors(i),
                    "; say what it is by --map '", name, "=PATH', or pass it over by --map '", name,
                    "='");
  }
  if (!wrong.empty()) return absl::InvalidArgumentError(wrong);
  return columns;
}

absl::Status ImportRun::ReadFiles(const std::function<absl::Status(ReadLine, uint32_t)>& each) {
  bytes_behind_ = 0;
  const bool first_time = first_lines_.empty();
  for (size_t file = 0; file < options_.files.size(); ++file) {
    if (first_time) first_lines_.push_back(static_cast<ImportIds::Line>(ids_.size()));
    RETURN_IF_ERROR(ReadFile(file, each));
  }
  return absl::OkStatus();
}

absl::Status ImportRun::ReadFile(size_t number,
                                 const std::function<absl::Status(ReadLine, uint32_t)>& each) {
  const ImportFile& file = options_.files[number];
  const std::optional<Columns>& columns = columns_[number];
  std::ifstream in(file.path, std::ios::binary);
  reading_ = &in;
  CsvSource csv(&in, options_.delimiter);
  std::unique_ptr<LineSource> json;
  if (columns) {
    RETURN_IF_ERROR(csv.Header().status());
  } else {
    json = file.format == ImportFormat::kJsonLines ? ReadJsonLines(&in) : ReadJsonList(&in);
  }
  SourceLine line;
  while (columns ? csv.Next(&line) : json->Next(&line)) {
    const auto in_file = static_cast<uint32_t>(line.line);
    RETURN_IF_ERROR(
        each(columns ? columns->Read(std::move(line)) : ReadJsonLine(std::move(line), file.type),
             in_file));
  }
  std::error_code error;
  bytes_behind_ += std::filesystem::file_size(file.path, error);
  reading_ = nullptr;
  return absl::OkStatus();
}

absl::Status ImportRun::PutLine(ReadLine read, uint32_t in_file) {
  const ImportIds::Line line = ids_.AddLine(in_file);
  if (read.error.ok()) read.error = CheckNames(read, line, &read.field);
  if (!read.error.ok()) {
    const std::string why = scim::ToErrorAnswer(read.error).detail;
    Refuse(line, read.field, why.empty() ? read.error.message() : why, kMendFile);
    ids_.Set(line, State::kRefused);
    return absl::OkStatus();
  }
  References references = Resolve(read);
  const auto count = std::min<size_t>(references.members.size(), kMembersInLine);
  if (!references.complete || count < references.members.size()) incomplete_.push_back(line);
  read.line.set_manager(std::move(references.manager));
  *read.line.mutable_members() = {references.members.begin(),
                                  references.members.begin() + static_cast<ptrdiff_t>(count)};
  return Add({line, false}, std::move(read.line));
}

absl::Status ImportRun::CheckNames(const ReadLine& read, ImportIds::Line line, std::string* field) {
  const std::string& type = read.line.type();
  if (read.line.ByteSizeLong() > kMaxLineBytes) {
    return absl::InvalidArgumentError("its attributes are longer than 1 MB");
  }
  const auto claim = [&](const char* what, const std::string& text) -> absl::Status {
    if (text.empty()) return absl::OkStatus();
    const auto other = ids_.Claim(absl::StrCat(type, " ", what), text, line);
    if (!other) return absl::OkStatus();
    *field = what;
    return absl::InvalidArgumentError(absl::StrCat("its ", what, " is that of ", PlaceOf(*other)));
  };
  RETURN_IF_ERROR(claim("externalId", read.external_id));
  // Groups may have one name, where something else tells them apart.
  if (type == "user") {
    RETURN_IF_ERROR(claim("userName", CaselessKey(read.name)));
  } else if (read.external_id.empty()) {
    RETURN_IF_ERROR(claim("displayName", CaselessKey(read.name)));
  }
  return claim("id", read.key);
}

std::optional<ImportIds::Line> ImportRun::Find(absl::string_view type,
                                               const std::string& key) const {
  return ids_.Find(absl::StrCat(type, " id"), key);
}

ImportRun::References ImportRun::Resolve(const ReadLine& read) const {
  References out;
  const auto resolve = [&](const std::string& key, bool may_be_group) -> std::string {
    auto line = Find("user", key);
    if (!line && may_be_group) line = Find("group", key);
    const std::string id = line ? ids_.IdOf(*line) : "";
    if (id.empty()) out.complete = false;
    return id;
  };
  if (!read.manager.empty()) out.manager = resolve(read.manager, false);
  for (const std::string& key : read.members) {
    std::string id = resolve(key, true);
    if (!id.empty()) out.members.push_back(std::move(id));
  }
  return out;
}

absl::Status ImportRun::CompleteLine(const ReadLine& read, ImportIds::Line line) {
  const State state = ids_.StateOf(line);
  if (state == State::kRefused || state == State::kKept) return absl::OkStatus();
  CheckReferences(read, line);
  if (state == State::kWould) return absl::OkStatus();
  References references = Resolve(read);
  admin::v1::ImportLine out;
  out.set_type(read.line.type());
  out.set_id(ids_.IdOf(line));
  if (!references.manager.empty()) {
    out.set_manager(std::move(references.manager));
    RETURN_IF_ERROR(Add({line, true}, out));
    out.clear_manager();
  }
  for (size_t i = 0; i < references.members.size(); ++i) {
    out.add_members(std::move(references.members[i]));
    if (out.members_size() < kMembersInLine && i + 1 < references.members.size()) continue;
    RETURN_IF_ERROR(Add({line, true}, out));
    out.clear_members();
  }
  return absl::OkStatus();
}

void ImportRun::CheckReferences(const ReadLine& read, ImportIds::Line line) {
  bool told = false;
  if (!read.manager.empty()) CheckReference("manager", "user", read.manager, line, &told);
  for (const std::string& key : read.members) {
    CheckReference("members", Find("user", key) ? "user" : "group", key, line, &told);
  }
}

void ImportRun::CheckReference(absl::string_view field, absl::string_view type,
                               const std::string& key, ImportIds::Line line, bool* told) {
  const auto other = Find(type, key);
  if (other && ids_.StateOf(*other) != State::kRefused) {
    // What a dry run would make has no id yet, and will have one.
    const bool changes = ids_.StateOf(*other) == State::kWould;
    if (changes && ids_.StateOf(line) == State::kUnchanged) ids_.Set(line, State::kChanged);
    return;
  }
  Refuse(line, field,
         other ? absl::StrCat("it refers to ", PlaceOf(*other), ", which was refused")
               : absl::StrCat("it refers to \"", key, "\", which no line of the import is"),
         other ? "mend that line, and import the file again"
               : "import that one too, or take the reference out");
  if (!*told) report_.set_incomplete(report_.incomplete() + 1);
  *told = true;
}

absl::Status ImportRun::Add(Sent sent, admin::v1::ImportLine line) {
  const size_t cost =
      line.ByteSizeLong() + static_cast<size_t>(line.members_size()) * kCostOfReference;
  if (batch_cost_ + cost > kCostOfBatch) RETURN_IF_ERROR(Flush());
  batch_cost_ += cost;
  sent_.push_back(sent);
  *batch_.add_lines() = std::move(line);
  return batch_.lines_size() < kLinesInBatch ? absl::OkStatus() : Flush();
}

absl::Status ImportRun::Flush() {
  if (sent_.empty()) return absl::OkStatus();
  admin::v1::PutLinesResponse response;
  RETURN_IF_ERROR(session_->Call("ImportService/Put", batch_, &response));
  if (static_cast<size_t>(response.outcomes_size()) != sent_.size()) {
    return absl::InternalError("the server answered for another number of lines");
  }
  for (size_t i = 0; i < sent_.size(); ++i) Note(sent_[i], response.outcomes(static_cast<int>(i)));
  batch_.clear_lines();
  sent_.clear();
  batch_cost_ = 0;
  ShowProgress();
  return absl::OkStatus();
}

void ImportRun::Note(const Sent& sent, const admin::v1::ImportOutcome& outcome) {
  if (outcome.action() == "refused") {
    Refuse(sent.line, outcome.field(), outcome.message(), outcome.remedy());
    if (!sent.is_reference) {
      ids_.Set(sent.line, State::kRefused);
    } else {
      report_.set_incomplete(report_.incomplete() + 1);
    }
    return;
  }
  const bool changed = outcome.action() == "changed";
  if (sent.is_reference) {
    if (changed && ids_.StateOf(sent.line) == State::kUnchanged) {
      ids_.Set(sent.line, State::kChanged);
    }
  } else if (outcome.action() == "created") {
    ids_.Set(sent.line, outcome.id().empty() ? State::kWould : State::kCreated, outcome.id());
  } else {
    const bool kept = options_.request.keep_existing();
    ids_.Set(sent.line,
             changed ? State::kChanged
             : kept  ? State::kKept
                     : State::kUnchanged,
             outcome.id());
  }
}

std::string ImportRun::FileOf(ImportIds::Line line) const {
  const auto file = std::upper_bound(first_lines_.begin(), first_lines_.end(), line) - 1;
  const std::string& path = options_.files[static_cast<size_t>(file - first_lines_.begin())].path;
  return std::filesystem::path(path).filename();
}

std::string ImportRun::PlaceOf(ImportIds::Line line) const {
  return absl::StrCat(FileOf(line), ":", ids_.LineInFile(line));
}

void ImportRun::Refuse(ImportIds::Line line, absl::string_view field, absl::string_view message,
                       absl::string_view remedy) {
  ++faults_;
  const std::string name = FileOf(line);
  if (report_file_.is_open()) {
    report_file_ << CsvCell(name) << "," << ids_.LineInFile(line) << "," << CsvCell(field) << ","
                 << CsvCell(message) << "," << CsvCell(remedy) << "\n";
  }
  if (report_.refusals_size() >= kMaxRefusals) return;
  admin::v1::RefusedLine* refusal = report_.add_refusals();
  refusal->set_file(name);
  refusal->set_line(ids_.LineInFile(line));
  refusal->set_field(std::string(field));
  refusal->set_message(std::string(message));
  refusal->set_remedy(std::string(remedy));
}

void ImportRun::CountLines() {
  uint32_t created = 0, changed = 0, unchanged = 0, refused = 0;
  for (ImportIds::Line line = 0; line < ids_.size(); ++line) {
    const State state = ids_.StateOf(line);
    created += state == State::kCreated || state == State::kWould ? 1 : 0;
    changed += state == State::kChanged ? 1 : 0;
    unchanged += state == State::kUnchanged || state == State::kKept ? 1 : 0;
    refused += state == State::kRefused ? 1 : 0;
  }
  report_.set_lines(static_cast<uint32_t>(ids_.size()));
  report_.set_created(created);
  report_.set_changed(changed);
  report_.set_unchanged(unchanged);
  report_.set_refused(refused);
}

// "[=====>      ]  42 %  43,008 lines, 3 faults"
void ImportRun::ShowProgress() {
  constexpr int kWidth = 30;
  const auto here = reading_ == nullptr ? std::streamoff(0) : std::streamoff(reading_->tellg());
  const uint64_t done = bytes_behind_ + static_cast<uint64_t>(std::max(here, std::streamoff(0)));
  const double share = bytes_ == 0 ? 1 : std::min(1.0, double(done) / double(bytes_));
  const auto filled = static_cast<size_t>(share * kWidth);
  session_->Progress(absl::StrCat("[", std::string(filled, '='), std::string(kWidth - filled, ' '),
                                  "] ", static_cast<int>(share * 100), " % of the ", phase_, ", ",
                                  ids_.size(), " lines, ", faults_, " faults"));
}

}  // namespace purser
