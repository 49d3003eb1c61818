// The connector to every application that speaks SCIM 2.0 (RFC 7643, RFC 7644).
//
// How an app differs from the RFC is its dialect (purser.config.v1.Dialect), data of its template.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/api/app_client.h"
#include "connectors/api/connector.h"
#include "connectors/api/url.h"
#include "connectors/scim/scim_answers.h"
#include "connectors/scim/scim_bodies.h"

namespace purser::connectors {

// Thread-compatible. State between calls: which of the two tokens was taken last.
class ScimConnector : public Connector {
 public:
  // InvalidArgument where url or credentials.bearer_token.secret is missing or a target is no SCIM
  // path. `http` and `clock` outlive the connector.
  static absl::StatusOr<std::unique_ptr<ScimConnector>> Make(const config::v1::App& app,
                                                             HttpClient* http,
                                                             SecretResolver secrets,
                                                             const Clock& clock);

  const Capabilities& capabilities() const override { return capabilities_; }
  void Check(const Call& call, CheckDone done) override;
  void Find(ResourceType type, const std::string& attribute, const std::string& value,
            const Call& call, ResourcesDone done) override;
  void Read(ResourceType type, const std::string& id, bool with_members, const Call& call,
            ResourcesDone done) override;
  void List(ResourceType type, const std::string& cursor, const Call& call, PageDone done) override;
  void Create(ResourceType type, const Attributes& wanted, const Call& call,
              WriteDone done) override;
  void Update(ResourceType type, const std::string& id, const Changes& changes, const Call& call,
              WriteDone done) override;
  void SetActive(const std::string& id, bool active, const Call& call, WriteDone done) override;
  void Delete(ResourceType type, const std::string& id, const Call& call, WriteDone done) override;
  void ChangeMembers(const std::string& group_id, const MemberChanges& changes, const Call& call,
                     WriteDone done) override;

 private:
  // A request by the parts of its address; the rest is as in connectors/api.
  struct Ask {
    std::string what;
    std::string method;
    std::vector<std::string> segments;
    Query query = {};
    std::optional<nlohmann::json> body = std::nullopt;
    std::vector<std::string> fields = {};
    std::string if_match = "";
    scim::Expected expected = scim::Expected::kAnything;
  };
  using MakeBody = std::function<absl::StatusOr<nlohmann::json>(const nlohmann::json& current)>;

  ScimConnector(const config::v1::App& app, AppClient client, scim::Targets users,
                scim::Targets groups);

  const scim::Targets& TargetsOf(ResourceType type) const;
  int PageSize() const;
  void Send(const Attempt& attempt, Ask ask, AppClient::AnswerDone done);
  // Collects the pages that answer a filter.
  struct Search;
  void NextHits(std::shared_ptr<Search> search);
  void Patch(ResourceType type, const std::string& id, nlohmann::json body, Ask ask,
             const Call& call, WriteDone done);
  // Reads the resource, makes a new one of it and puts that in its place.
  void ReadAndPut(ResourceType type, const std::string& id, MakeBody make, Ask ask,
                  const Call& call, WriteDone done);
  void FinishWrite(ResourceType type, const std::string& id, Answer answer, const WriteDone& done);

  const config::v1::App app_;
  const Capabilities capabilities_;
  const scim::Targets users_;
  const scim::Targets groups_;
  AppClient client_;
};

}  // namespace purser::connectors
