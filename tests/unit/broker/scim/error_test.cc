#include "broker/scim/error.h"

#include <gtest/gtest.h>

#include "nlohmann/json.hpp"

namespace purser::scim {
namespace {

using nlohmann::json;

TEST(ScimPromise29, AnErrorHoldsItsStatusAsAStringAndItsScimType) {
  const absl::Status status = BadRequest(ErrorType::kInvalidPath, "no such \"attribute\"");
  const json body = json::parse(RenderError(ToErrorAnswer(status)));
  EXPECT_EQ(body["schemas"], json::array({"urn:ietf:params:scim:api:messages:2.0:Error"}));
  EXPECT_EQ(body["status"], "400");
  EXPECT_EQ(body["scimType"], "invalidPath");
  EXPECT_EQ(body["detail"], "no such \"attribute\"");
}

TEST(ScimPromise29, ScimTypeIsAbsentWhereNoneApplies) {
  const json body = json::parse(RenderError(ToErrorAnswer(absl::NotFoundError("gone"))));
  EXPECT_EQ(body["status"], "404");
  EXPECT_FALSE(body.contains("scimType"));
}

TEST(ScimError, EveryCodeHasOneAnswer) {
  EXPECT_EQ(ToErrorAnswer(absl::AlreadyExistsError("x")).http_status, 409);
  EXPECT_EQ(ToErrorAnswer(absl::AlreadyExistsError("x")).type, ErrorType::kUniqueness);
  EXPECT_EQ(ToErrorAnswer(absl::UnavailableError("x")).http_status, 503);
  EXPECT_EQ(ToErrorAnswer(absl::ResourceExhaustedError("x")).http_status, 503);
  EXPECT_EQ(ToErrorAnswer(absl::AbortedError("x")).http_status, 503);
  EXPECT_EQ(ToErrorAnswer(absl::UnauthenticatedError("x")).http_status, 401);
  EXPECT_EQ(ToErrorAnswer(absl::UnimplementedError("x")).http_status, 501);
  EXPECT_EQ(ToErrorAnswer(ScimError(413, ErrorType::kNone, "x")).http_status, 413);
}

TEST(ScimError, AnInternalErrorKeepsItsMessageToItself) {
  EXPECT_EQ(ToErrorAnswer(absl::InternalError("/data/log.db is torn")).http_status, 500);
  EXPECT_EQ(ToErrorAnswer(absl::InternalError("/data/log.db is torn")).detail, "Internal error.");
  EXPECT_EQ(ToErrorAnswer(absl::DataLossError("secret")).detail, "Internal error.");
}

}  // namespace
}  // namespace purser::scim
