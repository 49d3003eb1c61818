// The connector to Replicon's web services, which are no SCIM: users alone, and nobody is deleted.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/api/connector.h"
#include "connectors/replicon/replicon_service.h"
#include "connectors/replicon/replicon_user.h"
#include "connectors/replicon/replicon_write.h"

namespace purser::connectors {

// A user's id is its uri. Finds by loginName and employeeId. Access is the log-in: SetActive turns
// it on, clearing the end date, or off and no more; Delete turns it off and sets the end date, and
// the login name stays taken. Each write is read back.
//
// Thread-compatible. State between calls: where the tenant's services are, its departments, and
// which of the two passwords was taken last.
class RepliconConnector : public Connector {
 public:
  // InvalidArgument where credentials are incomplete, the time zone is unknown or a target is no
  // field of Replicon's. `http` and `clock` outlive the connector.
  static absl::StatusOr<std::unique_ptr<RepliconConnector>> Make(const config::v1::App& app,
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
  RepliconConnector(const config::v1::App& app, replicon::Fields fields, absl::TimeZone zone,
                    HttpClient* http, SecretResolver secrets, const Clock& clock);

  RemoteResource ToResource(const replicon::User& user) const;
  std::vector<RemoteResource> ToResources(const std::vector<replicon::User>& users) const;
  // Runs a job, and gives its outcome in the mapping's names.
  void Write(replicon::Job job, const Call& call, WriteDone done);
  // Where the service refuses to look a login name up: search, which finds by part of it.
  void SearchLoginName(const std::string& login_name, const Attempt& attempt, ResourcesDone done);
  void ReadPage(const Attempt& attempt, std::vector<std::string> uris, Page page, PageDone done);

  const Capabilities capabilities_{
      .groups = false, .deletes = true, .lists = true, .delete_keeps_account = true};
  const replicon::Fields fields_;
  const absl::TimeZone zone_;
  const int page_size_;
  replicon::Service service_;
};

}  // namespace purser::connectors
