// The fold of the control stream: directories, apps and tokens as they are configured.
//
// Kept in memory alone: it is small, and read from the log's first record at each start.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "broker/base/mutex.h"
#include "broker/eventlog/fold.h"
#include "broker/events/record.h"
#include "broker/scim/schema.h"
#include "purser/config/v1/config.pb.h"
#include "purser/event/v1/control.pb.h"

namespace purser {

struct DirectoryEntry {
  std::string id;
  config::v1::Directory directory;
  StreamPosition version = 0;
  scim::SchemaSetPtr schemas = scim::StandardSchemas();  // with the directory's own
};

struct AppEntry {
  std::string id;
  config::v1::App app;  // complete: the template is applied before it is put
  std::string directory_id;
  StreamPosition created = 0;
  StreamPosition version = 0;  // position of the record that put it last
};

// One position's configuration; never changes.
struct ControlState {
  Head head;
  std::map<std::string, DirectoryEntry> directories;            // by id
  std::map<std::string, AppEntry> apps;                         // by id
  std::map<std::string, std::vector<event::v1::Token>> tokens;  // by directory id; "": admin's
  uint32_t finalized = kFirstReader;  // the highest reader that a record may need

  const DirectoryEntry* DirectoryByName(absl::string_view name) const;
  const AppEntry* AppByName(absl::string_view name) const;
  // By id, else by name; nullptr where there is none.
  const AppEntry* FindApp(absl::string_view id_or_name) const;
};

// Folds records in order on one thread; hands out what was committed to any thread.
class ControlProjection : public Fold {
 public:
  ControlProjection();

  const Head& head() const override { return draft_.head; }
  absl::Status Begin() override;
  absl::Status Apply(const Record& record, const event::v1::Envelope& envelope) override;
  absl::Status Commit() override;
  void Rollback() override;

  // The state with what was applied since Begin(): for decisions, on the folding thread.
  const ControlState& draft() const { return draft_; }

  std::shared_ptr<const ControlState> state() const;

 private:
  ControlState draft_;
  mutable Mutex mutex_;
  std::shared_ptr<const ControlState> state_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace purser
