#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/cli/import_source.h"
#include "broker/scim/json_text.h"
#include "nlohmann/json.hpp"

namespace purser {
namespace {

constexpr int kEnd = std::char_traits<char>::eof();
constexpr absl::string_view kMark = "\xEF\xBB\xBF";  // of UTF-8

bool IsBreak(int c) { return c == '\r' || c == '\n'; }

void Refuse(absl::string_view why, SourceLine* line) {
  if (line->error.ok()) line->error = absl::InvalidArgumentError(why);
}

// As JSON text has to be.
bool IsUtf8(const std::vector<std::string>& cells) {
  std::string all, quoted;
  for (const std::string& cell : cells) absl::StrAppend(&all, cell, "\n");
  scim::AppendJsonString(all, &quoted);
  return scim::ParseJson(quoted, {.max_bytes = quoted.size()}).ok();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> CsvSource::Header() {
  for (const char byte : kMark) {
    if (in_->peek() == static_cast<unsigned char>(byte)) in_->get();
  }
  SourceLine line;
  if (!ReadRow(&line)) return absl::InvalidArgumentError("it is empty: a header was expected");
  if (!line.error.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", line.line, ", the header: ", line.error.message()));
  }
  columns_ = line.cells.size();
  return std::move(line.cells);
}

bool CsvSource::Next(SourceLine* line) {
  if (!ReadRow(line)) return false;
  if (line->error.ok() && line->cells.size() != columns_) {
    Refuse(absl::StrCat("it has ", line->cells.size(), " fields, the header has ", columns_), line);
  }
  return true;
}

bool CsvSource::ReadRow(SourceLine* line) {
  int c = Take();
  while (IsBreak(c)) {
    TakeBreak(c);
    c = Take();
  }
  if (c == kEnd) return false;
  *line = SourceLine();
  line->line = line_;
  bytes_ = 0;
  ReadRest(line, c);
  if (line->error.ok() && !IsUtf8(line->cells)) Refuse("it is not UTF-8", line);
  return true;
}

void CsvSource::ReadRest(SourceLine* line, int first) {
  while (true) {
    int end = kEnd;
    ReadField(first, line, &end);
    if (bytes_ > kMaxSourceBytes) Refuse("it is longer than 32 MB", line);
    if (end != delimiter_) {
      if (end != kEnd) TakeBreak(end);
      return;
    }
    first = Take();
  }
}

// `first` is its first character, or what it ends in; `end` becomes what it ends in.
void CsvSource::ReadField(int first, SourceLine* line, int* end) {
  std::string field;
  int c = first;
  if (c == '"') {
    ReadQuoted(line, &field, &c);
  }
  for (; c != kEnd && c != delimiter_ && !IsBreak(c); c = Take()) {
    if (c == '"' || first == '"') {
      Refuse("a quote stands in a field that is not quoted as a whole", line);
    }
    if (bytes_ <= kMaxSourceBytes) field.push_back(static_cast<char>(c));
  }
  line->cells.push_back(std::move(field));
  *end = c;
}

void CsvSource::ReadQuoted(SourceLine* line, std::string* field, int* end) {
  for (int c = Take(); c != kEnd; c = Take()) {
    if (c == '"') {
      c = Take();
      if (c != '"') {
        *end = c;
        return;
      }
    } else if (c == '\n') {
      ++line_;
    }
    if (bytes_ <= kMaxSourceBytes) field->push_back(static_cast<char>(c));
  }
  Refuse("a quoted field of it is never closed", line);
  *end = kEnd;
}

int CsvSource::Take() {
  ++bytes_;
  return in_->rdbuf()->sbumpc();
}

void CsvSource::TakeBreak(int c) {
  if (c == '\r' && in_->rdbuf()->sgetc() == '\n') Take();
  ++line_;
}

}  // namespace purser
