// Macros for absl::Status, and the one answer to "may it work later?".
//
// The meaning of each code is a table in docs/architecture.md.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace purser {

// True for Unavailable, DeadlineExceeded, ResourceExhausted and Aborted: the same request may work
// later, unchanged.
bool IsRetryable(const absl::Status& status);

// The same code, with `context` put before the message: "apply four-apps.yaml: line 3: ...".
absl::Status Annotate(const absl::Status& status, absl::string_view context);

}  // namespace purser

#define PURSER_CONCAT_INNER(a, b) a##b
#define PURSER_CONCAT(a, b) PURSER_CONCAT_INNER(a, b)

// Returns from the function if `expression` is not OK.
#define RETURN_IF_ERROR(expression)                                               \
  do {                                                                            \
    if (absl::Status returned_ = (expression); !returned_.ok()) return returned_; \
  } while (false)

// ASSIGN_OR_RETURN(auto user, FindUser(id)): declares or assigns, or returns the error.
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_INNER(PURSER_CONCAT(result_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                   \
  if (!result.ok()) return std::move(result).status();          \
  declaration = *std::move(result)
