#include "connectors/sandbox/sandbox.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace purser::sandbox {
namespace {

// One exchange over a loopback socket: all that came until the connection was closed.
std::string Exchange(uint16_t port, const std::string& request) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  std::string answer;
  char bytes[4096];
  for (ssize_t got; (got = ::recv(fd, bytes, sizeof bytes, 0)) > 0;) {
    answer.append(bytes, static_cast<size_t>(got));
  }
  ::close(fd);
  return answer;
}

std::string Get(uint16_t port, const std::string& target, const std::string& token = "") {
  return Exchange(port,
                  absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: 127.0.0.1\r\n",
                               "Authorization: Bearer ", token, "\r\nConnection: close\r\n\r\n"));
}

std::string Send(uint16_t port, const std::string& method, const std::string& target,
                 const std::string& token, const std::string& body) {
  return Exchange(
      port, absl::StrCat(method, " ", target, " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ",
                         "Bearer ", token, "\r\nContent-Type: application/scim+json\r\n",
                         "Content-Length: ", body.size(), "\r\nConnection: close\r\n\r\n", body));
}

TEST(Sandbox, ServesTheApplicationsAndWhatTheyHold) {
  const auto sandbox = StartSandbox({.listen = "127.0.0.1:0"});
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  const uint16_t port = (*sandbox)->port();
  const std::string users = "/preciate/api/v1/scim/Users";
  EXPECT_TRUE(absl::StrContains(
      Send(port, "POST", users, "preciate-token", "{\"userName\":\"ada\"}"), " 201 "));
  EXPECT_TRUE(
      absl::StrContains(Get(port, users + "?filter=userName%20eq%20%22ADA%22", "preciate-token"),
                        "\"totalResults\":1"));
  EXPECT_TRUE(absl::StrContains(Get(port, users, "wrong"), " 401 "));
  EXPECT_TRUE(absl::StrContains(Get(port, "/_sandbox/preciate/state"), "\"userName\":\"ada\""));
  EXPECT_TRUE(absl::StrContains(Get(port, "/_sandbox/"), "/_sandbox/alexishr/state"));
  EXPECT_TRUE(absl::StrContains(Get(port, "/nowhere"), " 404 "));
}

TEST(Sandbox, ADroppedCallClosesTheConnectionWithoutAnAnswer) {
  const auto sandbox = StartSandbox({.listen = "127.0.0.1:0"});
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  const uint16_t port = (*sandbox)->port();
  Send(port, "PUT", "/_sandbox/preciate/faults", "",
       "{\"rules\":[{\"fault\":{\"kind\":\"commit_then_drop\"}}]}");
  EXPECT_EQ(
      Send(port, "POST", "/preciate/api/v1/scim/Users", "preciate-token", "{\"userName\":\"ada\"}"),
      "");
  EXPECT_TRUE(absl::StrContains(Get(port, "/_sandbox/preciate/state"), "\"userName\":\"ada\""));
}

TEST(Sandbox, EverySampleFaultFileIsTaken) {
  for (const char* name : {"bad-day.json", "lost-replies.json", "throttled.json", "liar.json",
                           "replicon-quirks.json"}) {
    const auto sandbox = StartSandbox(
        {.listen = "127.0.0.1:0",
         .faults_file = absl::StrCat(PURSER_SOURCE_DIR, "/deploy/samples/faults/", name)});
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
  }
}

TEST(Sandbox, AFaultFileThatIsMissingOrWrongIsRefused) {
  EXPECT_EQ(StartSandbox({.listen = "127.0.0.1:0", .faults_file = "/nonexistent"}).status().code(),
            absl::StatusCode::kNotFound);
  const std::string path = testing::TempDir() + "/sandbox_faults.json";
  std::ofstream(path) << "{\"rules\":[{\"fault\":{\"kind\":\"explode\"}}]}";
  EXPECT_EQ(StartSandbox({.listen = "127.0.0.1:0", .faults_file = path}).status().code(),
            absl::StatusCode::kInvalidArgument);
  std::ofstream(path)
      << "{\"rules\":[{\"match\":{\"app\":\"recnise\"},\"fault\":{\"kind\":\"html\"}}]}";
  EXPECT_EQ(StartSandbox({.listen = "127.0.0.1:0", .faults_file = path}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Sandbox, TheEnvironmentSetsTheCredentials) {
  ::setenv("RECNICE_TOKEN", "other", 1);
  EXPECT_EQ(SandboxOptionsFromEnvironment().recnice_token, "other");
  ::unsetenv("RECNICE_TOKEN");
  EXPECT_EQ(SandboxOptionsFromEnvironment().recnice_token, "recnice-token");
}

}  // namespace
}  // namespace purser::sandbox
