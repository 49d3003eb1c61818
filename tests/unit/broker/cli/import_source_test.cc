#include "broker/cli/import_source.h"

#include <sstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace purser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// "3: a|b" of each row, or "3! why".
std::vector<std::string> Rows(const std::string& text, char delimiter = ',') {
  std::istringstream in(text);
  CsvSource csv(&in, delimiter);
  if (const auto header = csv.Header(); !header.ok())
    return {std::string(header.status().message())};
  std::vector<std::string> rows;
  for (SourceLine line; csv.Next(&line);) {
    std::string row = absl::StrCat(line.line, line.error.ok() ? ": " : "! ");
    if (!line.error.ok()) absl::StrAppend(&row, line.error.message());
    for (size_t i = 0; line.error.ok() && i < line.cells.size(); ++i) {
      absl::StrAppend(&row, i == 0 ? "" : "|", line.cells[i]);
    }
    rows.push_back(row);
  }
  return rows;
}

std::vector<std::string> Values(LineSource* source) {
  std::vector<std::string> values;
  for (SourceLine line; source->Next(&line);) {
    values.push_back(line.error.ok() ? absl::StrCat(line.line, ": ", line.json)
                                     : absl::StrCat(line.line, "! ", line.error.message()));
  }
  return values;
}

std::vector<std::string> ListOf(const std::string& text) {
  std::istringstream in(text);
  return Values(ReadJsonList(&in).get());
}

TEST(CsvSource, FieldsMayHoldDelimitersQuotesAndLineBreaks) {
  EXPECT_THAT(Rows("\xEF\xBB\xBF"
                   "a,b\r\n1,\"x, \"\"y\"\"\r\nz\"\r\n\r\n3,\n,4"),
              ElementsAre("2: 1|x, \"y\"\r\nz", "5: 3|", "6: |4"));
}

TEST(CsvSource, AMarkOfUtf8IsNoPartOfTheFirstName) {
  std::istringstream in(
      "\xEF\xBB\xBF"
      "userName\r\nx\r\n");
  EXPECT_THAT(*CsvSource(&in, ',').Header(), ElementsAre("userName"));
}

TEST(CsvSource, AnotherDelimiterLeavesCommasAlone) {
  EXPECT_THAT(Rows("a;b\n1,5;2", ';'), ElementsAre("2: 1,5|2"));
}

TEST(CsvSource, ARowThatIsNotWellFormedIsToldAndTheNextOneIsRead) {
  EXPECT_THAT(
      Rows("a,b\n1\n1,2,3\nx\"y,2\n\"x\"y,2\n5,6"),
      ElementsAre("2! it has 1 fields, the header has 2", "3! it has 3 fields, the header has 2",
                  "4! a quote stands in a field that is not quoted as a whole",
                  "5! a quote stands in a field that is not quoted as a whole", "6: 5|6"));
}

TEST(CsvSource, AQuoteThatIsNeverClosedIsToldOfTheLineItBeginsOn) {
  EXPECT_THAT(Rows("a,b\n1,2\n3,\"4\n5,6\n"),
              ElementsAre("2: 1|2", "3! a quoted field of it is never closed"));
}

TEST(CsvSource, AFieldOfAMegabyteIsRead) {
  const std::string field(1u << 20, 'x');
  EXPECT_THAT(Rows(absl::StrCat("a,b\n\"", field, "\",2\n")),
              ElementsAre(absl::StrCat("2: ", field, "|2")));
}

TEST(CsvSource, ARowThatIsNotUtf8IsToldAndTheNextOneIsRead) {
  EXPECT_THAT(Rows("a,b\nJ\xF6rg,1\nJ\xC3\xB6rg,2"),
              ElementsAre("2! it is not UTF-8", "3: J\xC3\xB6rg|2"));
  EXPECT_THAT(Rows("Stra\xDF"
                   "e\n"),
              ElementsAre("line 1, the header: it is not UTF-8"));
}

TEST(CsvSource, WithoutAHeaderThereIsNothingToRead) {
  EXPECT_THAT(Rows("\r\n\n"), ElementsAre(HasSubstr("empty")));
  EXPECT_THAT(Rows("a,b"), IsEmpty());
}

TEST(JsonLines, AreReadOneByOneWithTheirNumbers) {
  std::istringstream in("\xEF\xBB\xBF{\"a\": 1}\r\n\n  {broken\n{\"b\": \"}\"}");
  EXPECT_THAT(Values(ReadJsonLines(&in).get()),
              ElementsAre("1: {\"a\": 1}\r", "3: {broken", "4: {\"b\": \"}\"}"));
}

TEST(JsonList, IsAnArrayOrTheResourcesOfAListResponse) {
  EXPECT_THAT(ListOf("[]"), IsEmpty());
  EXPECT_THAT(ListOf("[{\"a\": [1, \"]\"]},\n {\"b\": \"\\\"}\"}]"),
              ElementsAre("1: {\"a\": [1, \"]\"]}", "2: {\"b\": \"\\\"}\"}"));
  EXPECT_THAT(ListOf("{\"schemas\": [\"urn:x\"], \"totalResults\": 1,\n"
                     "\"resources\": [{\"a\": 1}], \"itemsPerPage\": 1}"),
              ElementsAre("2: {\"a\": 1}"));
}

TEST(JsonList, AnElementThatIsNotJsonDoesNotKeepTheNextOneBack) {
  EXPECT_THAT(ListOf("[{\"a\" 1}, {\"b\": 2}]"), ElementsAre("1: {\"a\" 1}", "1: {\"b\": 2}"));
}

TEST(JsonList, WhatCannotBeMadeSenseOfEndsItAtItsLine) {
  EXPECT_THAT(ListOf("[{\"a\": 1},\n{\"b\": "), ElementsAre("1: {\"a\": 1}", HasSubstr("2! what")));
  EXPECT_THAT(ListOf("[{}\n{}]"), ElementsAre("1: {}", HasSubstr("2! a comma")));
  EXPECT_THAT(ListOf("{\"id\": \"1\"}"), ElementsAre(HasSubstr("no \"Resources\"")));
  EXPECT_THAT(ListOf("userName\nada"), ElementsAre(HasSubstr("1! neither")));
  EXPECT_THAT(ListOf(""), ElementsAre(HasSubstr("1! neither")));
}

}  // namespace
}  // namespace purser
