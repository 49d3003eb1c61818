// A line of an imported file, parted into what the server is sent and what refers to other lines.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/cli/import_source.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// Which column is which SCIM path. One that is mapped to nothing is passed over; one that is not
// mapped must be a path by its own name.
using ColumnMap = std::map<std::string, std::string>;

// Adds "COLUMN=PATH". The column ends at the first '='. InvalidArgument where there is none.
absl::Status AddMapping(absl::string_view text, ColumnMap* map);
// The same of every line of a file that is neither blank nor begins with #.
absl::Status AddMappingFile(const std::string& path, ColumnMap* map);

struct ReadLine {
  // OK, or why it is refused without asking the server; `field` may say what it is about.
  absl::Status error;
  std::string field;
  admin::v1::ImportLine line;  // type, and resource or cells
  // By what other lines refer to it: its id, else its externalId, else its name.
  std::string key;
  std::string name;  // userName or displayName
  std::string external_id;
  // The keys of others.
  std::string manager;
  std::vector<std::string> members;
};

// `type` ("user", "group") is what a line is that does not say it; empty: such a line is refused.
ReadLine ReadJsonLine(SourceLine source, const std::string& type);

// What the columns of one CSV file are.
class Columns {
 public:
  Columns(const std::vector<std::string>& header, const ColumnMap& map, std::string type,
          char separator);

  // The paths that the server is to be asked about, and the columns they are of.
  const std::vector<std::string>& paths() const { return paths_; }
  const std::vector<std::string>& names() const { return names_; }

  ReadLine Read(SourceLine source) const;

 private:
  enum class Role { kSkipped, kValue, kId, kManager, kMembers };
  struct Column {
    Role role = Role::kValue;
    std::string path;
  };

  std::string type_;
  char separator_;  // of the members in a cell
  std::vector<Column> columns_;
  std::vector<std::string> paths_;
  std::vector<std::string> names_;
};

}  // namespace purser
