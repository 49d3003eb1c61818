#include <algorithm>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "broker/base/status.h"
#include "broker/cli/command_builder.h"
#include "broker/cli/tables.h"

namespace purser {
namespace {

using admin::v1::ComparedModel;
using admin::v1::ListModelsResponse;
using admin::v1::ModelDigest;

// How long one node may wait for a position; more than a burst of writes is apart from the next.
constexpr int64_t kAttemptMillis = 3000;
// How far ahead of all nodes the next position lies that all of them are to be asked for.
constexpr uint64_t kFirstAhead = 32;
constexpr uint64_t kMostAhead = 100'000;

struct CompareFlags {
  std::vector<std::string> with;
  std::vector<std::string> streams;
  int within_seconds = 60;
};

struct Node {
  std::string name;
  std::unique_ptr<AdminConnection> connection;

  absl::Status Call(const std::string& method, const google::protobuf::Message& request,
                    google::protobuf::Message* response) const {
    return Annotate(
        connection->Call(absl::StrCat("purser.admin.v1.ModelService/", method), request, response),
        name);
  }
};

absl::StatusOr<std::vector<Node>> Connect(const Session& session, const CompareFlags& flags) {
  const CliEnvironment& environment = session.environment();
  if (!environment.connect_to) return absl::UnimplementedError("this program knows one server");
  std::vector<Node> nodes(1);
  nodes[0].name = "here";
  ASSIGN_OR_RETURN(nodes[0].connection, environment.connect());
  for (const std::string& address : flags.with) {
    Node& node = nodes.emplace_back();
    node.name = address;
    ASSIGN_OR_RETURN(node.connection, environment.connect_to(address));
  }
  return nodes;
}

// Position of each node's model of `stream`; its name by the way.
absl::StatusOr<uint64_t> HighestPosition(const std::vector<Node>& nodes,
                                         const std::string& stream) {
  uint64_t highest = 0;
  for (const Node& node : nodes) {
    ListModelsResponse listed;
    RETURN_IF_ERROR(node.Call("List", admin::v1::ListModelsRequest(), &listed));
    for (const admin::v1::Model& model : listed.models()) {
      if (model.stream() == stream) highest = std::max(highest, model.position());
    }
  }
  return highest;
}

// Every node's, of one position: all are asked at once, as none waits for another. The first error
// that is not "not in time" before that.
absl::Status DigestAll(const std::vector<Node>& nodes, const std::string& stream, uint64_t position,
                       std::vector<ModelDigest>* digests) {
  digests->assign(nodes.size(), ModelDigest());
  std::vector<absl::Status> statuses(nodes.size());
  std::vector<std::thread> asking;
  for (size_t i = 0; i < nodes.size(); ++i) {
    asking.emplace_back([&, i] {
      admin::v1::DigestModelRequest request;
      request.set_stream(stream);
      request.set_position(position);
      request.set_within_millis(kAttemptMillis);
      statuses[i] = nodes[i].Call("Digest", request, &(*digests)[i]);
    });
  }
  for (std::thread& one : asking) one.join();
  absl::Status late;
  for (const absl::Status& status : statuses) {
    if (!status.ok() && !absl::IsDeadlineExceeded(status)) return status;
    if (!status.ok()) late = status;
  }
  return late;
}

// Under writes a position is passed before all are asked, so it is taken ahead of them; where
// nobody writes, such a one is never reached.
absl::StatusOr<std::vector<ModelDigest>> DigestTogether(const std::vector<Node>& nodes,
                                                        const std::string& stream,
                                                        absl::Time until) {
  uint64_t ahead = 0;
  while (true) {
    ASSIGN_OR_RETURN(const uint64_t highest, HighestPosition(nodes, stream));
    std::vector<ModelDigest> digests;
    const absl::Status status = DigestAll(nodes, stream, highest + ahead, &digests);
    if (status.ok()) return digests;
    const bool passed = absl::IsOutOfRange(status);
    if (!passed && !absl::IsDeadlineExceeded(status)) return status;
    if (absl::Now() > until) {
      return absl::DeadlineExceededError(absl::StrCat(
          stream, ": the nodes did not come to one position in time: ", status.message()));
    }
    ahead = passed ? std::min(std::max(ahead * 4, kFirstAhead), kMostAhead) : 0;
  }
}

absl::StatusOr<std::map<std::string, std::string>> Streams(const std::vector<Node>& nodes,
                                                           const CompareFlags& flags) {
  std::map<std::string, std::string> names;
  for (const Node& node : nodes) {
    ListModelsResponse listed;
    RETURN_IF_ERROR(node.Call("List", admin::v1::ListModelsRequest(), &listed));
    for (const admin::v1::Model& model : listed.models()) names[model.stream()] = model.name();
  }
  if (flags.streams.empty()) return names;
  std::map<std::string, std::string> chosen;
  for (const std::string& stream : flags.streams) {
    if (names.count(stream) == 0) {
      return absl::NotFoundError(absl::StrCat("there is no read model of ", stream));
    }
    chosen[stream] = names[stream];
  }
  return chosen;
}

absl::StatusOr<admin::v1::CompareModelsReport> Compare(Session& session,
                                                       const CompareFlags& flags) {
  ASSIGN_OR_RETURN(const std::vector<Node> nodes, Connect(session, flags));
  ASSIGN_OR_RETURN(const auto streams, Streams(nodes, flags));
  const absl::Time until = absl::Now() + absl::Seconds(flags.within_seconds);
  admin::v1::CompareModelsReport report;
  report.set_equal(true);
  for (const auto& [stream, name] : streams) {
    session.Progress(stream);
    ASSIGN_OR_RETURN(const auto digests, DigestTogether(nodes, stream, until));
    ComparedModel* compared = report.add_models();
    compared->set_stream(stream);
    compared->set_name(name);
    compared->set_position(digests[0].position());
    compared->set_equal(true);
    for (size_t i = 0; i < nodes.size(); ++i) {
      admin::v1::NodeDigest* one = compared->add_nodes();
      one->set_node(nodes[i].name);
      one->set_digest(digests[i].digest());
      if (digests[i].digest() != digests[0].digest()) compared->set_equal(false);
    }
    report.set_equal(report.equal() && compared->equal());
  }
  return report;
}

int RunCompare(Session& session, const CompareFlags& flags) {
  const auto report = Compare(session, flags);
  session.EndProgress();
  if (!report.ok()) return session.Fail(report.status());
  session.Print(*report, [&] { return CompareTable(*report); });
  return report->equal() ? kExitDone : kExitFailed;
}

struct ListFlags {};

int RunList(Session& session, const ListFlags&) {
  ListModelsResponse listed;
  const absl::Status status =
      session.Call("ModelService/List", admin::v1::ListModelsRequest(), &listed);
  if (!status.ok()) return session.Fail(status);
  session.Print(listed, [&] { return ModelTable(listed); });
  return kExitDone;
}

}  // namespace

void AddModelCommands(CLI::App* root, ChosenCommand* chosen) {
  const auto there =
      root->get_subcommands([](CLI::App* app) { return app->get_name() == "model"; });
  CLI::App* model = there.empty() ? AddNoun(root, "model", "read models") : there[0];
  AddVerb<ListFlags>(
      model, chosen, "list", "how far a running node's are", [](CLI::App*, ListFlags*) {}, RunList);
  AddVerb<CompareFlags>(
      model, chosen, "compare", "compare those of running nodes, each at one position",
      [](CLI::App* command, CompareFlags* flags) {
        command->add_option("--with", flags->with, "admin APIs of other nodes: HOST:PORT,..")
            ->delimiter(',')
            ->required();
        command->add_option("--stream", flags->streams, "these alone: directory/ID, app/ID");
        command->add_option("--within", flags->within_seconds, "seconds to find positions in (60)");
      },
      RunCompare);
}

}  // namespace purser
