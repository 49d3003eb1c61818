// `purser import` at work: the files read twice, each line put, then what refers to later lines.
#pragma once

#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "broker/cli/import_ids.h"
#include "broker/cli/import_reading.h"
#include "broker/cli/import_source.h"
#include "broker/cli/session.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

enum class ImportFormat { kJsonLines, kJsonList, kCsv };

struct ImportFile {
  std::string path;
  ImportFormat format = ImportFormat::kJsonList;
  std::string type;  // "user", "group"; empty: each line says it
};

struct ImportOptions {
  std::vector<ImportFile> files;  // in the order of reading
  ColumnMap map;
  char delimiter = ',';
  char separator = ';';
  std::string report;  // a file that every refusal is written to; empty: none
  // What every call has: directory, keep_existing, dry_run, request_id, reason.
  admin::v1::PutLinesRequest request;
};

// Holds a batch of lines, what they are called, and the first kMaxRefusals refusals. Blocks.
class ImportRun {
 public:
  static constexpr int kMaxRefusals = 1000;

  // `session` outlives it.
  ImportRun(Session* session, ImportOptions options);

  // InvalidArgument: a file or a column is not what was said of it, and nothing was put. Another
  // error is the server's, and what was put before stands.
  absl::Status Run();

  const admin::v1::ImportReport& report() const { return report_; }
  bool found_fault() const { return faults_ > 0; }
  uint64_t faults() const { return faults_; }

 private:
  struct Sent {
    ImportIds::Line line = 0;
    bool is_reference = false;  // it completes a line that was put before
  };
  struct References {
    std::string manager;               // our id
    std::vector<std::string> members;  // likewise
    bool complete = true;              // none is of a line that may come to stand yet
  };
  // Reads all files; `each` is told every line, in the same order whenever it is called.
  absl::Status ReadFiles(const std::function<absl::Status(ReadLine, uint32_t in_file)>& each);
  absl::Status ReadFile(size_t file, const std::function<absl::Status(ReadLine, uint32_t)>& each);
  // Opens every file once, and asks what the columns of CSV are.
  absl::Status Prepare();
  absl::StatusOr<Columns> PrepareColumns(const ImportFile& file, std::istream* in);

  absl::Status PutLine(ReadLine read, uint32_t in_file);
  absl::Status CheckNames(const ReadLine& read, ImportIds::Line line, std::string* field);
  absl::Status CompleteLine(const ReadLine& read, ImportIds::Line line);

  References Resolve(const ReadLine& read) const;
  // The line that a reference means; unset where none does.
  std::optional<ImportIds::Line> Find(absl::string_view type, const std::string& key) const;
  // Reports the references that came to nothing.
  void CheckReferences(const ReadLine& read, ImportIds::Line line);
  void CheckReference(absl::string_view field, absl::string_view type, const std::string& key,
                      ImportIds::Line line, bool* told);

  absl::Status Add(Sent sent, admin::v1::ImportLine line);
  absl::Status Flush();
  void Note(const Sent& sent, const admin::v1::ImportOutcome& outcome);
  std::string FileOf(ImportIds::Line line) const;   // "people.csv"
  std::string PlaceOf(ImportIds::Line line) const;  // "people.csv:7"
  void Refuse(ImportIds::Line line, absl::string_view field, absl::string_view message,
              absl::string_view remedy);
  void ShowProgress();
  void CountLines();

  Session* const session_;
  const ImportOptions options_;
  std::vector<std::optional<Columns>> columns_;  // of each file
  ImportIds ids_;
  std::vector<ImportIds::Line> incomplete_;   // to be completed, in order
  std::vector<ImportIds::Line> first_lines_;  // of each file
  admin::v1::PutLinesRequest batch_;
  std::vector<Sent> sent_;
  size_t batch_cost_ = 0;
  admin::v1::ImportReport report_;
  uint64_t faults_ = 0;
  std::ofstream report_file_;
  std::string phase_;
  uint64_t bytes_ = 0;         // of all files
  uint64_t bytes_behind_ = 0;  // of those that were read
  std::istream* reading_ = nullptr;
};

}  // namespace purser
