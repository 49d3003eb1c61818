#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "broker/base/status.h"
#include "broker/mapping/function.h"
#include "broker/mapping/mapping.h"

namespace purser::mapping {
namespace {

using config::v1::App;
using config::v1::MappingRow;
using config::v1::ResourceMapping;
using Problems = std::vector<MappingProblem>;

class Compiler {
 public:
  Compiler(const App& app, event::v1::ResourceType type, const config::v1::Directory& directory)
      : app_(app), source_(type == event::v1::GROUP ? app.groups() : app.users()) {
    context_.type = type;
    context_.names = NamesOf(directory);
    result_.type = type;
    result_.default_domain = directory.default_domain();
  }

  CompiledMapping Compile();
  Problems TakeProblems() { return std::move(problems_); }

 private:
  void CompileApp();
  void CompileRow(const MappingRow& row);
  // False where the row has no value, or more than one.
  bool CompileValue(const MappingRow& row, CompiledRow* compiled);
  bool CompileSource(const MappingRow& row, CompiledRow* compiled);
  bool CompileExpression(const MappingRow& row, CompiledRow* compiled);
  void CheckRow(const MappingRow& row);
  void CheckWhole();

  void Problem(absl::string_view target, absl::string_view field, std::string message) {
    problems_.push_back({std::string(target), std::string(field), std::move(message)});
  }

  const App& app_;
  const ResourceMapping& source_;
  CompileContext context_;
  CompiledMapping result_;
  Problems problems_;
};

CompiledMapping Compiler::Compile() {
  const bool users = context_.type == event::v1::USER;
  const auto enabled = source_.enabled();
  result_.enabled = enabled == config::v1::ON || (users && enabled != config::v1::OFF);
  CompileApp();
  for (const MappingRow& row : source_.rows()) {
    if (!row.none()) CompileRow(row);
  }
  if (result_.enabled) CheckWhole();
  return std::move(result_);
}

void Compiler::CompileApp() {
  for (const auto& role : app_.roles()) {
    result_.roles.push_back({role.value(), role.display().empty() ? role.value() : role.display()});
  }
  result_.default_role = app_.default_role();
  if (!app_.time_zone().empty() && !absl::LoadTimeZone(app_.time_zone(), &result_.time_zone)) {
    Problem("", "time_zone",
            absl::StrCat("\"", app_.time_zone(),
                         "\" is no time zone known here; write an IANA name such as Europe/Oslo"));
  }
}

void Compiler::CompileRow(const MappingRow& row) {
  const size_t problems = problems_.size();
  CheckRow(row);
  CompiledRow compiled;
  compiled.target = CanonicalTarget(row.target());
  if (result_.FindRow(compiled.target) != nullptr) {
    Problem(row.target(), "target", "this target stands twice; take one of its rows away");
  }
  if (!CompileValue(row, &compiled)) return;
  if (!row.default_().empty()) compiled.default_value = row.default_();
  compiled.default_on_create = row.default_apply() == config::v1::ON_CREATE;
  compiled.on_create = row.apply() == config::v1::ON_CREATE;
  compiled.match = row.match();
  compiled.required = row.required();
  compiled.reference = row.reference();
  compiled.e164 = row.format() == "e164";
  if (problems_.size() > problems) return;
  if (compiled.source == CompiledRow::Source::kAttribute &&
      compiled.attribute.kind == SourceAttribute::Kind::kMembers) {
    result_.maps_members = true;
    return;
  }
  result_.rows.push_back(std::move(compiled));
}

void Compiler::CheckRow(const MappingRow& row) {
  if (row.target().empty()) Problem("", "target", "a row needs a target, the app's attribute");
  if (!row.format().empty() && row.format() != "e164") {
    Problem(row.target(), "format",
            absl::StrCat("unknown format \"", row.format(), "\"; only e164 is known"));
  }
  if (row.reference() && row.match() != 0) {
    Problem(row.target(), "match", "a reference cannot be a matching attribute");
  }
}

bool Compiler::CompileValue(const MappingRow& row, CompiledRow* compiled) {
  const int values = !row.source().empty() + !row.constant().empty() + !row.expression().empty();
  if (values != 1) {
    Problem(row.target(), "source",
            values == 0 ? "the row says no value; give it one of source, constant, expression, or "
                          "`none: true` to send nothing"
                        : "the row says more than one of source, constant, expression; keep one");
    return false;
  }
  if (!row.source().empty()) return CompileSource(row, compiled);
  if (!row.expression().empty()) return CompileExpression(row, compiled);
  compiled->source = CompiledRow::Source::kConstant;
  compiled->constant = row.constant();
  return true;
}

bool Compiler::CompileSource(const MappingRow& row, CompiledRow* compiled) {
  compiled->source = CompiledRow::Source::kAttribute;
  auto attribute = ResolveSourceAttribute(row.source(), context_.type, context_.names);
  if (!attribute.ok()) {
    Problem(row.target(), "source", std::string(attribute.status().message()));
    return false;
  }
  compiled->attribute = *std::move(attribute);
  return true;
}

bool Compiler::CompileExpression(const MappingRow& row, CompiledRow* compiled) {
  compiled->source = CompiledRow::Source::kExpression;
  auto expression = Expression::Compile(row.expression(), context_);
  if (!expression.ok()) {
    Problem(row.target(), "expression", std::string(expression.status().message()));
    return false;
  }
  compiled->expression = *std::move(expression);
  return true;
}

void Compiler::CheckWhole() {
  std::map<uint32_t, std::string> matches;
  for (const CompiledRow& row : result_.rows) {
    if (row.match == 0) continue;
    const auto [first, added] = matches.emplace(row.match, row.target);
    if (!added) {
      Problem(row.target, "match",
              absl::StrCat("match ", row.match, " stands at ", first->second,
                           " too; give each matching attribute a number of its own"));
    }
  }
  if (matches.empty() && problems_.empty()) {
    Problem("", "rows", "no row has a match; say `match: 1` at the attribute that finds accounts");
  }
}

}  // namespace

const CompiledRow* CompiledMapping::FindRow(absl::string_view target) const {
  for (const CompiledRow& row : rows) {
    if (row.target == target) return &row;
  }
  return nullptr;
}

absl::StatusOr<CompiledMapping> CompileMapping(const App& app, event::v1::ResourceType type,
                                               const config::v1::Directory& directory) {
  Compiler compiler(app, type, directory);
  CompiledMapping mapping = compiler.Compile();
  const Problems problems = compiler.TakeProblems();
  if (problems.empty()) return mapping;
  const char* where = type == event::v1::GROUP ? "groups" : "users";
  return absl::InvalidArgumentError(
      absl::StrJoin(problems, "; ", [&](std::string* out, const MappingProblem& problem) {
        absl::StrAppend(out, "app ", app.name(), ", ", where, ", ",
                        problem.target.empty() ? "" : absl::StrCat("row ", problem.target, ", "),
                        problem.field, ": ", problem.message);
      }));
}

Problems CheckMapping(const App& app, event::v1::ResourceType type,
                      const config::v1::Directory& directory) {
  Compiler compiler(app, type, directory);
  compiler.Compile();
  return compiler.TakeProblems();
}

std::string CanonicalTarget(absl::string_view target) {
  const auto path = ParseAttributePath(target);
  return path.ok() ? FormatAttributePath(*path) : std::string(absl::StripAsciiWhitespace(target));
}

}  // namespace purser::mapping
