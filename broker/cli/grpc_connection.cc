#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "broker/base/status.h"
#include "broker/cli/connection.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"

namespace purser {
namespace {

using google::protobuf::Message;
using grpc::ByteBuffer;
using grpc::ClientContext;
using grpc::CompletionQueue;

// More than the server waits for the log (10 s), so that its answer is the one that is seen.
constexpr std::chrono::seconds kCallDeadline(30);

ByteBuffer ToBytes(const Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return ByteBuffer(&slice, 1);
}

bool FromBytes(const ByteBuffer& bytes, Message* message) {
  std::vector<grpc::Slice> slices;
  if (!bytes.Dump(&slices).ok()) return false;
  std::string text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return message->ParseFromString(text);
}

class GrpcConnection : public AdminConnection {
 public:
  GrpcConnection(const std::shared_ptr<grpc::Channel>& channel, ConnectionOptions options)
      : stub_(channel), options_(std::move(options)) {}

  absl::Status Call(absl::string_view method, const Message& request, Message* response) override {
    ClientContext context;
    Authorize(&context);
    context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
    CompletionQueue queue;
    auto call =
        stub_.PrepareUnaryCall(&context, absl::StrCat("/", method), ToBytes(request), &queue);
    call->StartCall();
    ByteBuffer answer;
    grpc::Status status;
    call->Finish(&answer, &status, this);
    Next(&queue);
    if (!status.ok()) return FromGrpc(status);
    if (FromBytes(answer, response)) return absl::OkStatus();
    return absl::InternalError("the server's answer does not decode");
  }

  absl::Status Stream(absl::string_view method, const Message& request, Message* message,
                      const std::function<void()>& each) override {
    ClientContext context;
    Authorize(&context);
    CompletionQueue queue;
    auto call = stub_.PrepareCall(&context, absl::StrCat("/", method), &queue);
    call->StartCall(this);
    bool going = Next(&queue);
    if (going) {
      call->WriteLast(ToBytes(request), grpc::WriteOptions(), this);
      going = Next(&queue);
    }
    while (going) {
      ByteBuffer bytes;
      call->Read(&bytes, this);
      if (!Next(&queue)) break;
      if (FromBytes(bytes, message)) each();
    }
    grpc::Status status;
    call->Finish(&status, this);
    Next(&queue);
    return FromGrpc(status);
  }

 private:
  void Authorize(ClientContext* context) const {
    if (!options_.token.empty()) {
      context->AddMetadata("authorization", absl::StrCat("Bearer ", options_.token));
    }
  }

  // Waits for the one thing under way; true where it went well.
  static bool Next(CompletionQueue* queue) {
    void* tag = nullptr;
    bool ok = false;
    return queue->Next(&tag, &ok) && ok;
  }

  absl::Status FromGrpc(const grpc::Status& status) const {
    if (status.ok()) return absl::OkStatus();
    const auto code = static_cast<absl::StatusCode>(status.error_code());
    if (code != absl::StatusCode::kUnavailable) return {code, status.error_message()};
    return absl::UnavailableError(
        absl::StrCat("purser at ", options_.address, ": ", status.error_message()));
  }

  grpc::GenericStub stub_;
  const ConnectionOptions options_;
};

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  return text.str();
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

ConnectionOptions OptionsFromEnvironment() {
  ConnectionOptions options;
  if (const std::string address = Variable("PURSER_GRPC"); !address.empty()) {
    options.address = address;
  }
  options.token = Variable("PURSER_TOKEN");
  options.ca = Variable("PURSER_CA");
  options.certificate = Variable("PURSER_CERT");
  options.private_key = Variable("PURSER_KEY");
  return options;
}

bool IsLoopbackAddress(absl::string_view address) {
  if (absl::StartsWith(address, "[")) {
    return absl::StartsWith(address, "[::1]:") || address == "[::1]";
  }
  if (address == "::1") return true;
  const absl::string_view host = address.substr(0, address.rfind(':'));
  if (host == "localhost") return true;
  if (!absl::StartsWith(host, "127.")) return false;
  return host.find_first_not_of("0123456789.") == absl::string_view::npos;
}

absl::StatusOr<std::unique_ptr<AdminConnection>> ConnectByGrpc(const ConnectionOptions& options) {
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  if (options.ca.empty() && IsLoopbackAddress(options.address)) {
    credentials = grpc::InsecureChannelCredentials();
  } else {
    grpc::SslCredentialsOptions tls;
    ASSIGN_OR_RETURN(tls.pem_root_certs, ReadPem(options.ca));
    ASSIGN_OR_RETURN(tls.pem_cert_chain, ReadPem(options.certificate));
    ASSIGN_OR_RETURN(tls.pem_private_key, ReadPem(options.private_key));
    credentials = grpc::SslCredentials(tls);
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(64 << 20);
  return std::make_unique<GrpcConnection>(
      grpc::CreateCustomChannel(options.address, credentials, arguments), options);
}

}  // namespace purser
