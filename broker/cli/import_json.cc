#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status.h"
#include "broker/cli/import_source.h"

namespace purser {
namespace {

constexpr int kEnd = std::char_traits<char>::eof();
constexpr const char* kTooLong = "it is longer than 32 MB";

bool IsBlank(int c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Characters of a stream, and the line they stand on.
class Text {
 public:
  explicit Text(std::istream* in) : buffer_(in->rdbuf()) {}

  int Peek() { return buffer_->sgetc(); }
  int Take() {
    const int c = buffer_->sbumpc();
    if (c == '\n') ++line_;
    return c;
  }
  int PeekBehindBlanks() {
    while (IsBlank(Peek())) Take();
    return Peek();
  }
  void SkipMark() {
    for (const int byte : {0xEF, 0xBB, 0xBF}) {
      if (Peek() == byte) Take();
    }
  }
  uint64_t line() const { return line_; }

 private:
  std::streambuf* const buffer_;
  uint64_t line_ = 1;
};

class JsonLines : public LineSource {
 public:
  explicit JsonLines(std::istream* in) : text_(in) { text_.SkipMark(); }

  bool Next(SourceLine* line) override {
    if (text_.PeekBehindBlanks() == kEnd) return false;
    *line = SourceLine();
    line->line = text_.line();
    for (int c = text_.Take(); c != '\n' && c != kEnd; c = text_.Take()) {
      if (line->json.size() <= kMaxSourceBytes) line->json.push_back(static_cast<char>(c));
    }
    if (line->json.size() > kMaxSourceBytes) line->error = absl::InvalidArgumentError(kTooLong);
    return true;
  }

 private:
  Text text_;
};

class JsonList : public LineSource {
 public:
  explicit JsonList(std::istream* in) : text_(in) { text_.SkipMark(); }

  bool Next(SourceLine* line) override {
    *line = SourceLine();
    if (!ended_) line->error = ToNext();
    if (ended_) return false;
    line->line = text_.line();
    if (line->error.ok()) line->error = TakeValue(&line->json);
    ended_ = !line->error.ok();
    if (line->json.size() > kMaxSourceBytes) line->error = absl::InvalidArgumentError(kTooLong);
    return true;
  }

 private:
  static absl::Status Broken(absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(why, "; what follows was not read"));
  }

  // To the next element, or to the end.
  absl::Status ToNext() {
    if (!begun_) {
      begun_ = true;
      RETURN_IF_ERROR(Begin());
    } else if (text_.PeekBehindBlanks() == ',') {
      text_.Take();
    } else if (text_.Peek() != ']') {
      return Broken("a comma or the list's end was expected here");
    }
    ended_ = text_.PeekBehindBlanks() == ']';
    return absl::OkStatus();
  }

  // To the first element.
  absl::Status Begin() {
    const int c = text_.PeekBehindBlanks();
    if (c != '[' && c != '{') return Broken("neither a JSON array nor a SCIM list begins here");
    text_.Take();
    if (c == '[') return absl::OkStatus();
    while (text_.PeekBehindBlanks() != '}') {
      std::string name, value;
      if (text_.Peek() == ',') text_.Take();
      if (text_.PeekBehindBlanks() != '"') return Broken("a name was expected");
      RETURN_IF_ERROR(TakeValue(&name));
      if (text_.PeekBehindBlanks() != ':') return Broken("a colon was expected");
      text_.Take();
      if (absl::EqualsIgnoreCase(name, "\"Resources\"") && text_.PeekBehindBlanks() == '[') {
        text_.Take();
        return absl::OkStatus();
      }
      RETURN_IF_ERROR(TakeValue(&value));
    }
    return Broken("it is no list: it has no \"Resources\"; one resource a line is --format lines");
  }

  // The text of one value, up to where its brackets are closed; whether it is JSON is asked later.
  absl::Status TakeValue(std::string* value) {
    text_.PeekBehindBlanks();
    int depth = 0;
    bool quoted = false;
    while (true) {
      const int c = text_.Peek();
      if (c == kEnd) return Broken("what begins here does not end");
      const bool closes = c == ',' || c == ']' || c == '}' || c == ':' || IsBlank(c);
      if (!quoted && depth == 0 && closes) return absl::OkStatus();
      Keep(text_.Take(), value);
      if (c == '\\' && quoted) Keep(text_.Take(), value);
      if (c == '"') quoted = !quoted;
      if (!quoted && (c == '{' || c == '[')) ++depth;
      if (!quoted && (c == '}' || c == ']')) --depth;
      if (!quoted && depth == 0 && (c == '"' || c == '}' || c == ']')) return absl::OkStatus();
    }
  }

  static void Keep(int c, std::string* value) {
    if (c != kEnd && value->size() <= kMaxSourceBytes) value->push_back(static_cast<char>(c));
  }

  Text text_;
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<LineSource> ReadJsonLines(std::istream* in) {
  return std::make_unique<JsonLines>(in);
}

std::unique_ptr<LineSource> ReadJsonList(std::istream* in) {
  return std::make_unique<JsonList>(in);
}

}  // namespace purser
