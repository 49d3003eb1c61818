// Bugs between the worker and the app.
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/product/bugs.h"
#include "tests/simulation/product/directory_model.h"

namespace purser::simulation {
namespace {

using connectors::Call;
using connectors::RemoteResource;
using connectors::ResourceType;
using connectors::Result;

// Does as the one it holds, but for the bug.
class BuggyConnector : public connectors::Connector {
 public:
  BuggyConnector(std::unique_ptr<Connector> real, Bug bug, FakeApp* app)
      : real_(std::move(real)), bug_(bug), app_(app) {}

  const connectors::Capabilities& capabilities() const override { return real_->capabilities(); }
  void Check(const Call& call, connectors::CheckDone done) override {
    real_->Check(call, std::move(done));
  }
  void Find(ResourceType type, const std::string& attribute, const std::string& value,
            const Call& call, connectors::ResourcesDone done) override {
    real_->Find(type, attribute, value, call,
                [bug = bug_, number = ++finds_, done = std::move(done)](
                    Result result, std::vector<RemoteResource> found) {
                  if (bug == Bug::kNoLookUp) found.clear();
                  for (RemoteResource& account : found) {
                    if (bug == Bug::kLinkNotExclusive) absl::StrAppend(&account.id, "#", number);
                  }
                  done(std::move(result), std::move(found));
                });
  }
  void Read(ResourceType type, const std::string& id, bool with_members, const Call& call,
            connectors::ResourcesDone done) override {
    real_->Read(type, Real(id), with_members, call,
                [id, done = std::move(done)](Result result, std::vector<RemoteResource> found) {
                  for (RemoteResource& account : found) account.id = id;
                  done(std::move(result), std::move(found));
                });
  }
  void List(ResourceType type, const std::string& cursor, const Call& call,
            PageDone done) override {
    real_->List(type, cursor, call, std::move(done));
  }
  void Create(ResourceType type, const connectors::Attributes& wanted, const Call& call,
              connectors::WriteDone done) override {
    connectors::Attributes sent = wanted;
    if (ChangesBody(call)) sent["title"] = "another";
    if (bug_ == Bug::kManagerBeforeAccount) sent[kManagerTarget] = "a1000";
    real_->Create(type, sent, call, std::move(done));
  }
  void Update(ResourceType type, const std::string& id, const connectors::Changes& changes,
              const Call& call, connectors::WriteDone done) override {
    if (bug_ == Bug::kLaneOutOfOrder) return UpdateLater(type, id, changes, call, done);
    connectors::Changes sent = changes;
    if (ChangesBody(call)) sent.set["title"] = "another";
    if (bug_ == Bug::kManagerNotCleared) std::erase(sent.clear, kManagerTarget);
    if (bug_ == Bug::kDoubtTakenForRefusal) {
      done = [done](Result result, RemoteResource account) {
        if (result.verdict == connectors::Verdict::kInDoubt) {
          result.verdict = connectors::Verdict::kRefused;
        }
        done(std::move(result), std::move(account));
      };
    }
    real_->Update(type, Real(id), sent, call, std::move(done));
  }
  void SetActive(const std::string& id, bool active, const Call& call,
                 connectors::WriteDone done) override {
    real_->SetActive(Real(id), active, call, std::move(done));
  }
  void Delete(ResourceType type, const std::string& id, const Call& call,
              connectors::WriteDone done) override {
    real_->Delete(type, Real(id), call, std::move(done));
  }
  void ChangeMembers(const std::string& group_id, const connectors::MemberChanges& changes,
                     const Call& call, connectors::WriteDone done) override {
    connectors::MemberChanges sent = changes;
    for (std::string& id : sent.add) id = Real(id);
    for (std::string& id : sent.remove) id = Real(id);
    real_->ChangeMembers(Real(group_id), sent, call, std::move(done));
  }

 private:
  static std::string Real(const std::string& id) { return id.substr(0, id.find('#')); }
  bool ChangesBody(const Call& call) {
    return bug_ == Bug::kFrozenBodyChanges && !seen_.insert(call.operation_id).second;
  }
  void UpdateLater(ResourceType type, const std::string& id, const connectors::Changes& changes,
                   const Call& call, const connectors::WriteDone& done) {
    app_->late.emplace(app_->Now() + absl::Seconds(1),
                       [real = std::weak_ptr<Connector>(real_), type, id, changes, call] {
                         const auto nobody = [](const Result&, const RemoteResource&) {};
                         if (auto app = real.lock()) app->Update(type, id, changes, call, nobody);
                       });
    Result result;
    result.verdict = connectors::Verdict::kDone;
    result.http_status = 200;
    done(result, RemoteResource());
  }

  const std::shared_ptr<Connector> real_;
  const Bug bug_;
  FakeApp* const app_;
  int finds_ = 0;
  std::set<std::string> seen_;
};

}  // namespace

std::unique_ptr<connectors::Connector> BugKit::In(std::unique_ptr<connectors::Connector> connector,
                                                  FakeApp* app) const {
  if (bug_ == Bug::kNone) return connector;
  return std::make_unique<BuggyConnector>(std::move(connector), bug_, app);
}

}  // namespace purser::simulation
