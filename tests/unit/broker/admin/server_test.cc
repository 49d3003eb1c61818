#include "broker/admin/server.h"

#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "purser/admin/v1/admin.grpc.pb.h"
#include "tests/unit/broker/admin/admin_fixture.h"

namespace purser {
namespace {

namespace v1 = admin::v1;
using testing::HasSubstr;

class Server : public AdminFixture {
 protected:
  void SetUp() override {
    PutWiki();
    auto server = AdminServer::Start({.address = "127.0.0.1:0"}, context());
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = server_->InProcessChannel();
  }

  static void UseToken(grpc::ClientContext* call, const std::string& token) {
    call->AddMetadata("authorization", "Bearer " + token);
  }

  grpc::Status Pause(const std::string& token) {
    grpc::ClientContext call;
    if (!token.empty()) UseToken(&call, token);
    v1::CommandAppRequest request;
    request.set_app("wiki");
    request.set_action(v1::CommandAppRequest::PAUSE);
    v1::CommandAppResponse response;
    return v1::AppService::NewStub(channel_)->Command(&call, request, &response);
  }

  std::unique_ptr<AdminServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(Server, WithoutATokenNothingIsAnswered) {
  EXPECT_EQ(Pause("").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Pause("wrong").error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(Server, AViewerCommandsNothing) {
  const grpc::Status status = Pause("viewer-secret");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), HasSubstr("operator"));
  EXPECT_EQ(HeadOf(StreamId::App(app_id())), 0u);
}

TEST_F(Server, AnAdminsCommandIsRecorded) {
  EXPECT_TRUE(Pause("admin-secret").ok());
  EXPECT_EQ(HeadOf(StreamId::App(app_id())), 1u);
}

TEST_F(Server, VerifyReportsEveryStreamWithItsRecords) {
  ASSERT_TRUE(Pause("admin-secret").ok());
  CreateUser("u-bob", R"({"userName":"bob"})");
  grpc::ClientContext call;
  UseToken(&call, "viewer-secret");
  auto reader = v1::LogService::NewStub(channel_)->Verify(&call, v1::VerifyLogRequest());
  std::map<std::string, v1::StreamReport> reports;
  v1::VerifyLogUpdate update;
  while (reader->Read(&update)) {
    if (update.has_report()) reports[update.stream()] = update.report();
  }
  EXPECT_TRUE(reader->Finish().ok());
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports["control"].records(), 2u);
  EXPECT_TRUE(reports["control"].ok());
  EXPECT_EQ(reports["app/" + app_id()].name(), "wiki");
}

// One message there and one back, by the method's name.
std::string Ask(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  void* tag = nullptr;
  bool ok = false;
  auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  const grpc::Slice slice(request);
  call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
  queue.Next(&tag, &ok);
  grpc::ByteBuffer response;
  call->Read(&response, nullptr);
  queue.Next(&tag, &ok);
  grpc::Slice answer;
  if (!ok || !response.DumpToSingleSlice(&answer).ok()) return "";
  context.TryCancel();
  return {reinterpret_cast<const char*>(answer.begin()), answer.size()};
}

TEST_F(Server, ReflectionListsTheServices) {
  // ServerReflectionRequest{list_services: "*"}
  const std::string listed =
      Ask(channel_, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*");
  EXPECT_THAT(listed, HasSubstr("purser.admin.v1.ParkedService"));
}

TEST_F(Server, HealthIsToldOfTheServerAndOfEachApp) {
  const std::string check = "/grpc.health.v1.Health/Check";
  EXPECT_EQ(Ask(channel_, check, ""), std::string("\x08\x02"));
  server_->SetReady(true);
  server_->RefreshHealth();
  EXPECT_EQ(Ask(channel_, check, ""), std::string("\x08\x01"));
  // HealthCheckRequest{service: "wiki"}
  EXPECT_EQ(Ask(channel_, check, "\x0a\x04wiki"), std::string("\x08\x01"));
  ASSERT_TRUE(Pause("admin-secret").ok());
  server_->RefreshHealth();
  EXPECT_EQ(Ask(channel_, check, "\x0a\x04wiki"), std::string("\x08\x02"));
}

TEST_F(Server, AnAddressThatIsTakenIsSaidToBe) {
  const auto second =
      AdminServer::Start({.address = "127.0.0.1:" + std::to_string(server_->port())}, context());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace purser
