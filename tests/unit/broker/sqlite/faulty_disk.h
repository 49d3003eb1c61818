// A disk that fails, fills up, or loses its power: SQLite's default VFS over the real one, for all
// databases of a test's process.
//
// It counts the calls that change what is on the disk (write, truncate, sync, delete). The fault
// comes at one of them; what it does from then on is its kind's. A disk that lost its power keeps
// what was synced, and of what was not any part: sectors of 512 bytes, in any order.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace purser {

class FaultyDisk {
 public:
  enum class Fault {
    kPowerLoss,  // that call and all after it do nothing and fail
    kIoError,    // that call alone fails
    kFull,       // that call and all after it that need room fail, until there is room
  };

  // The one of this process; SQLite's default VFS from the first call on.
  static FaultyDisk& Get();

  // Forgets everything, and takes what lies below `folder` now for synced.
  void Watch(const std::string& folder);
  // The `call`-th call from now on, counted from 1, brings the fault. 0: none.
  void FailAt(Fault fault, uint64_t call);
  // Calls since then.
  uint64_t calls() const;
  // Where the fault came: "sync of log.db-wal"; empty: it did not.
  std::string failed_at() const;
  // There is room again.
  void MakeRoom();
  // Puts the files below the folder into a state that a power loss may leave: with seed 0 nothing
  // is left of what was not synced, with 1 all of it, with others a part. No database may be open.
  void RestorePower(uint64_t seed);

  // For the VFS: what a call does first. 0, or SQLite's code of the failure.
  enum class Call { kWrite, kTruncate, kSync, kDelete };
  int Before(Call call, const std::string& path);
  // After it succeeded.
  void Wrote(const std::string& path, int64_t offset, const void* bytes, int count);
  void Truncated(const std::string& path, int64_t size);
  void Synced(const std::string& path);
  void Deleted(const std::string& path, bool durably);
  bool dead() const;

 private:
  struct Change {
    int64_t offset = 0;  // or the size
    bool truncate = false;
    std::string bytes;
  };
  struct File {
    bool exists = false;  // after a power loss, for certain
    bool deleted = false;
    std::string durable;
    std::vector<Change> changes;  // not synced
  };

  FaultyDisk();
  void SyncFolder();
  static void Apply(const Change& change, std::string* content);
  std::string Remains(const File& file, uint64_t seed, uint64_t* random) const;
  bool IsWatched(const std::string& path) const;

  mutable std::mutex mutex_;
  std::string folder_;
  std::map<std::string, File> files_;
  Fault fault_ = Fault::kPowerLoss;
  uint64_t fail_at_ = 0;
  uint64_t calls_ = 0;
  bool failing_ = false;
  std::string failed_at_;
};

}  // namespace purser
