// The files that `purser import` reads, a line at a time: JSON lines, a SCIM list, CSV.
#pragma once

#include <cstdint>
#include <istream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace purser {

// What one line, one element of a list or one row of CSV may be long.
inline constexpr size_t kMaxSourceBytes = 32u << 20;

// One resource as it stands in a file.
struct SourceLine {
  uint64_t line = 0;               // where it begins, counted from 1
  absl::Status error;              // OK, or why this one cannot be read; the next one can
  std::string json;                // of JSON lines and lists: the text of an object
  std::vector<std::string> cells;  // of CSV: as many as its header has
};

// Holds one line at a time. One thread.
class LineSource {
 public:
  virtual ~LineSource() = default;

  // False at the end. Where the rest can be made no sense of, the last line is one with an error.
  virtual bool Next(SourceLine* line) = 0;
};

// One JSON object a line; blank lines are passed over. `in` outlives it, as below.
std::unique_ptr<LineSource> ReadJsonLines(std::istream* in);

// The elements of a JSON array, or of the "Resources" of a SCIM ListResponse.
std::unique_ptr<LineSource> ReadJsonList(std::istream* in);

// RFC 4180 with any single-byte delimiter: CRLF or LF, a mark of UTF-8 at the beginning, quoted
// fields with delimiters, line breaks and doubled quotes in them; blank rows are passed over. A row
// has as many fields as the header.
class CsvSource : public LineSource {
 public:
  CsvSource(std::istream* in, char delimiter) : in_(in), delimiter_(delimiter) {}

  // The first row, to be read before any other. InvalidArgument: there is none, or it cannot be
  // read.
  absl::StatusOr<std::vector<std::string>> Header();

  bool Next(SourceLine* line) override;

 private:
  // False at the end.
  bool ReadRow(SourceLine* line);
  void ReadRest(SourceLine* line, int first);
  void ReadField(int first, SourceLine* line, int* end);
  void ReadQuoted(SourceLine* line, std::string* field, int* end);
  int Take();
  void TakeBreak(int c);

  std::istream* const in_;
  const char delimiter_;
  size_t columns_ = 0;
  uint64_t line_ = 1;  // of the next character
  size_t bytes_ = 0;   // of the row
};

}  // namespace purser
