#include "tests/unit/broker/sqlite/faulty_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "broker/sqlite/database.h"

namespace purser {
namespace {

constexpr int64_t kSector = 512;

sqlite3_vfs* real_vfs = nullptr;

// What SQLite allocates for an open file; the real one's own lies behind it.
struct OpenFile {
  sqlite3_file base;
  std::string* path;

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

OpenFile* Of(sqlite3_file* file) { return reinterpret_cast<OpenFile*>(file); }
sqlite3_file* Real(sqlite3_file* file) { return Of(file)->real(); }

int Close(sqlite3_file* file) {
  const int code = Real(file)->pMethods->xClose(Real(file));
  delete Of(file)->path;
  return code;
}

int Read(sqlite3_file* file, void* to, int count, sqlite3_int64 offset) {
  if (FaultyDisk::Get().dead()) return SQLITE_IOERR_READ;
  return Real(file)->pMethods->xRead(Real(file), to, count, offset);
}

int Write(sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
  FaultyDisk& disk = FaultyDisk::Get();
  if (const int code = disk.Before(FaultyDisk::Call::kWrite, *Of(file)->path)) return code;
  const int code = Real(file)->pMethods->xWrite(Real(file), from, count, offset);
  if (code == SQLITE_OK) disk.Wrote(*Of(file)->path, offset, from, count);
  return code;
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  FaultyDisk& disk = FaultyDisk::Get();
  if (const int code = disk.Before(FaultyDisk::Call::kTruncate, *Of(file)->path)) return code;
  const int code = Real(file)->pMethods->xTruncate(Real(file), size);
  if (code == SQLITE_OK) disk.Truncated(*Of(file)->path, size);
  return code;
}

// The real one is spared: what it would do is kept in mind.
int Sync(sqlite3_file* file, int /*flags*/) {
  FaultyDisk& disk = FaultyDisk::Get();
  if (const int code = disk.Before(FaultyDisk::Call::kSync, *Of(file)->path)) return code;
  disk.Synced(*Of(file)->path);
  return SQLITE_OK;
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  return Real(file)->pMethods->xFileSize(Real(file), size);
}
int Lock(sqlite3_file* file, int level) { return Real(file)->pMethods->xLock(Real(file), level); }
int Unlock(sqlite3_file* file, int level) {
  return Real(file)->pMethods->xUnlock(Real(file), level);
}
int CheckReserved(sqlite3_file* file, int* out) {
  return Real(file)->pMethods->xCheckReservedLock(Real(file), out);
}
int Control(sqlite3_file* file, int what, void* value) {
  return Real(file)->pMethods->xFileControl(Real(file), what, value);
}
int SectorSize(sqlite3_file* /*file*/) { return kSector; }
// Nothing that the file system may or may not promise beyond that.
int Characteristics(sqlite3_file* /*file*/) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }
int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** to) {
  return Real(file)->pMethods->xShmMap(Real(file), page, size, extend, to);
}
int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  return Real(file)->pMethods->xShmLock(Real(file), offset, count, flags);
}
void ShmBarrier(sqlite3_file* file) { Real(file)->pMethods->xShmBarrier(Real(file)); }
int ShmUnmap(sqlite3_file* file, int remove) {
  return Real(file)->pMethods->xShmUnmap(Real(file), remove);
}

const sqlite3_io_methods kMethods = {2,
                                     &Close,
                                     &Read,
                                     &Write,
                                     &Truncate,
                                     &Sync,
                                     &FileSize,
                                     &Lock,
                                     &Unlock,
                                     &CheckReserved,
                                     &Control,
                                     &SectorSize,
                                     &Characteristics,
                                     &ShmMap,
                                     &ShmLock,
                                     &ShmBarrier,
                                     &ShmUnmap,
                                     nullptr,
                                     nullptr};

int Open(sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  OpenFile* open = Of(file);
  open->base.pMethods = nullptr;
  const int code = real_vfs->xOpen(real_vfs, name, open->real(), flags, out_flags);
  if (code != SQLITE_OK) return code;
  open->path = new std::string(name == nullptr ? "" : name);
  open->base.pMethods = &kMethods;
  return SQLITE_OK;
}

int Delete(sqlite3_vfs* /*vfs*/, const char* name, int sync_folder) {
  FaultyDisk& disk = FaultyDisk::Get();
  if (const int code = disk.Before(FaultyDisk::Call::kDelete, name)) return code;
  const int code = real_vfs->xDelete(real_vfs, name, 0);
  if (code == SQLITE_OK) disk.Deleted(name, sync_folder != 0);
  return code;
}

const char* NameOf(FaultyDisk::Call call) {
  switch (call) {
    case FaultyDisk::Call::kWrite:
      return "write";
    case FaultyDisk::Call::kTruncate:
      return "truncation";
    case FaultyDisk::Call::kSync:
      return "sync";
    case FaultyDisk::Call::kDelete:
      return "deletion";
  }
  return "";
}

int CodeOf(FaultyDisk::Call call) {
  switch (call) {
    case FaultyDisk::Call::kWrite:
      return SQLITE_IOERR_WRITE;
    case FaultyDisk::Call::kTruncate:
      return SQLITE_IOERR_TRUNCATE;
    case FaultyDisk::Call::kSync:
      return SQLITE_IOERR_FSYNC;
    case FaultyDisk::Call::kDelete:
      return SQLITE_IOERR_DELETE;
  }
  return SQLITE_IOERR;
}

// The next of a sequence that its seed decides (splitmix64).
uint64_t Next(uint64_t* state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::string Contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

FaultyDisk& FaultyDisk::Get() {
  static FaultyDisk& disk = *new FaultyDisk();
  return disk;
}

FaultyDisk::FaultyDisk() {
  // The product sets SQLite up before anything else may use it.
  Database::Open(":memory:").IgnoreError();
  real_vfs = sqlite3_vfs_find(nullptr);
  static sqlite3_vfs vfs = *real_vfs;
  vfs.zName = "faulty-disk";
  vfs.szOsFile = static_cast<int>(sizeof(OpenFile)) + real_vfs->szOsFile;
  vfs.pNext = nullptr;
  vfs.xOpen = &Open;
  vfs.xDelete = &Delete;
  sqlite3_vfs_register(&vfs, /*makeDflt=*/1);
}

void FaultyDisk::Watch(const std::string& folder) {
  const std::lock_guard<std::mutex> lock(mutex_);
  folder_ = (std::filesystem::path(folder) / "").lexically_normal();
  files_.clear();
  std::error_code none;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_, none)) {
    if (!entry.is_regular_file()) continue;
    files_[entry.path()] = {.exists = true, .durable = Contents(entry.path())};
  }
  fail_at_ = calls_ = 0;
  failing_ = false;
  failed_at_.clear();
}

void FaultyDisk::FailAt(Fault fault, uint64_t call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  fault_ = fault;
  fail_at_ = call;
  calls_ = 0;
  failing_ = false;
  failed_at_.clear();
}

uint64_t FaultyDisk::calls() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return calls_;
}

std::string FaultyDisk::failed_at() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return failed_at_;
}

void FaultyDisk::MakeRoom() {
  const std::lock_guard<std::mutex> lock(mutex_);
  failing_ = false;
}

bool FaultyDisk::dead() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return failing_ && fault_ == Fault::kPowerLoss;
}

bool FaultyDisk::IsWatched(const std::string& path) const {
  return !folder_.empty() && path.compare(0, folder_.size(), folder_) == 0;
}

int FaultyDisk::Before(Call call, const std::string& path) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!IsWatched(path)) return SQLITE_OK;
  ++calls_;
  if (calls_ == fail_at_) {
    failed_at_ = std::string(NameOf(call)) + " of " + path.substr(folder_.size());
    failing_ = fault_ != Fault::kIoError;
    return fault_ == Fault::kFull ? SQLITE_FULL : CodeOf(call);
  }
  if (!failing_) return SQLITE_OK;
  if (fault_ == Fault::kPowerLoss) return CodeOf(call);
  return call == Call::kWrite ? SQLITE_FULL : SQLITE_OK;
}

void FaultyDisk::Wrote(const std::string& path, int64_t offset, const void* bytes, int count) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!IsWatched(path)) return;
  File& file = files_[path];
  if (file.deleted) file = {};
  const char* from = static_cast<const char*>(bytes);
  // To the next sector's beginning at most, since each sector may be lost by itself.
  while (count > 0) {
    const int part = static_cast<int>(std::min<int64_t>(count, kSector - offset % kSector));
    file.changes.push_back({.offset = offset, .bytes = std::string(from, part)});
    from += part;
    offset += part;
    count -= part;
  }
}

void FaultyDisk::Truncated(const std::string& path, int64_t size) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (IsWatched(path)) files_[path].changes.push_back({.offset = size, .truncate = true});
}

void FaultyDisk::Apply(const Change& change, std::string* content) {
  const size_t end = static_cast<size_t>(change.offset) + change.bytes.size();
  if (change.truncate || content->size() < end) content->resize(end);
  std::copy(change.bytes.begin(), change.bytes.end(), content->begin() + change.offset);
}

void FaultyDisk::Synced(const std::string& path) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!IsWatched(path)) return;
  File& file = files_[path];
  for (const Change& change : file.changes) Apply(change, &file.durable);
  file.changes.clear();
  const bool is_new = !file.exists;
  file.exists = true;
  // SQLite's real VFS syncs the folder with a new journal or write-ahead log.
  if (is_new && (EndsWith(path, "-journal") || EndsWith(path, "-wal"))) SyncFolder();
}

void FaultyDisk::SyncFolder() {
  for (auto it = files_.begin(); it != files_.end();) {
    it->second.exists = true;
    it = it->second.deleted ? files_.erase(it) : std::next(it);
  }
}

void FaultyDisk::Deleted(const std::string& path, bool durably) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!IsWatched(path)) return;
  if (durably) {
    files_.erase(path);
  } else {
    files_[path].deleted = true;
  }
}

std::string FaultyDisk::Remains(const File& file, uint64_t seed, uint64_t* random) const {
  std::string content = file.durable;
  for (const Change& change : file.changes) {
    if (seed == 1 || (seed > 1 && Next(random) % 2 == 0)) Apply(change, &content);
  }
  return content;
}

void FaultyDisk::RestorePower(uint64_t seed) {
  const std::lock_guard<std::mutex> lock(mutex_);
  uint64_t random = seed;
  for (const auto& [path, file] : files_) {
    const bool remains = file.deleted ? seed != 1 && (seed == 0 || Next(&random) % 2 == 0)
                                      : file.exists || seed == 1 || (seed > 1 && Next(&random) % 2);
    std::error_code none;
    std::filesystem::remove(path, none);
    if (!remains || (file.deleted && !file.exists)) continue;
    std::ofstream out(path, std::ios::binary);
    out << Remains(file, seed, &random);
  }
  // What lies in shared memory alone is gone.
  std::error_code none;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_, none)) {
    const std::string path = entry.path();
    if (EndsWith(path, "-shm")) std::filesystem::remove(path, none);
  }
  files_.clear();
  fail_at_ = 0;
  failing_ = false;
}

}  // namespace purser
