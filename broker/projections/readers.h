// Read-only connections to a projection's file, for threads that do not own it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/base/mutex.h"
#include "broker/base/status.h"
#include "broker/sqlite/database.h"

namespace purser {

// A pool of as many connections as are in use at once. `Reader` is made of a Database*.
template <typename Reader>
class Readers {
 public:
  explicit Readers(std::string path) : path_(std::move(path)) {}

  // A connection together with a read transaction: all that is asked of it is of one position.
  // Goes back to the pool, which outlives it, when it is let go. One thread.
  class Lease {
   public:
    Lease(Readers* pool, std::unique_ptr<Database> database)
        : pool_(pool), database_(std::move(database)), reader_(database_.get()) {}
    Lease(Lease&& other) noexcept
        : pool_(other.pool_), database_(std::move(other.database_)), reader_(database_.get()) {}
    Lease(const Lease&) = delete;
    ~Lease() {
      if (database_ != nullptr && database_->Prepare("COMMIT").Run().ok()) {
        pool_->Return(std::move(database_));
      }
    }

    const Reader* operator->() const { return &reader_; }
    const Reader& operator*() const { return reader_; }

   private:
    Readers* pool_;
    std::unique_ptr<Database> database_;
    Reader reader_;
  };

  // An error while the projection has no file yet. Any thread.
  absl::StatusOr<Lease> Take() {
    std::unique_ptr<Database> database = Reuse();
    if (database == nullptr) {
      ASSIGN_OR_RETURN(database, Database::Open(path_, {.read_only = true, .cache_kib = 4096}));
    }
    RETURN_IF_ERROR(database->Prepare("BEGIN").Run());
    return Lease(this, std::move(database));
  }

 private:
  std::unique_ptr<Database> Reuse() {
    MutexLock lock(&mutex_);
    if (free_.empty()) return nullptr;
    std::unique_ptr<Database> database = std::move(free_.back());
    free_.pop_back();
    return database;
  }
  void Return(std::unique_ptr<Database> database) {
    MutexLock lock(&mutex_);
    free_.push_back(std::move(database));
  }

  const std::string path_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Database>> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace purser
