// What the log costs: a record's hash and judgement, a group's commit, a checked read.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/eventlog/sqlite/sqlite_event_log.h"
#include "broker/events/record.h"

namespace purser {
namespace {

const StreamId kStream = StreamId::Directory("0192f0c1-7d4a-7b3e-8f00-0000000000d1");

// The change of one user: some 600 bytes in all.
event::v1::Envelope SampleEnvelope() {
  event::v1::Envelope envelope;
  envelope.set_event_id("0192f0c1-7d4a-7b3e-8f00-000000000001");
  envelope.set_kind(event::v1::RESOURCE_CHANGED);
  envelope.set_resource_type(event::v1::USER);
  envelope.set_resource_id("0192f0c1-7d4a-7b3e-8f00-0000000000aa");
  envelope.set_actor("token:t1");
  envelope.set_request_id("0192f0c1-7d4a-7b3e-8f00-0000000000bb");
  envelope.set_trace_parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  envelope.set_payload(std::string(280, 'x'));
  return envelope;
}

std::vector<Record> Chain(int64_t count, Head* head) {
  std::vector<Record> records;
  for (int64_t i = 0; i < count; ++i) {
    records.push_back(ChainRecord(kStream, SampleEnvelope(), absl::UnixEpoch(), head));
  }
  return records;
}

// A log in $PURSER_BENCH_DIR, else in the folder for temporary files.
class BenchLog {
 public:
  BenchLog() {
    const char* base = std::getenv("PURSER_BENCH_DIR");
    folder_ = std::string(base != nullptr ? base : std::filesystem::temp_directory_path().c_str()) +
              "/purser_eventlog_bench";
    std::filesystem::remove_all(folder_);
    log_ = *SqliteEventLog::Create({.folder = folder_});
    log_->Open(kStream, [](absl::StatusOr<Head>) {});
    log_->RunOnce(absl::ZeroDuration());
  }
  ~BenchLog() {
    log_.reset();
    std::filesystem::remove_all(folder_);
  }
  SqliteEventLog& log() { return *log_; }

  void Append(const Head& head, std::vector<Record> records) {
    log_->Append(kStream, head, std::move(records), [](const AppendResult& result) {
      if (!result.status.ok()) std::abort();
    });
    log_->RunOnce(absl::ZeroDuration());
  }

 private:
  std::string folder_;
  std::unique_ptr<SqliteEventLog> log_;
};

void ChainARecord(benchmark::State& state) {
  Head head = EmptyHead(kStream);
  for (auto _ : state) {
    benchmark::DoNotOptimize(ChainRecord(kStream, SampleEnvelope(), absl::UnixEpoch(), &head));
  }
}
BENCHMARK(ChainARecord);

void JudgeARecord(benchmark::State& state) {
  Head head = EmptyHead(kStream);
  const std::string bytes = Chain(1, &head)[0].bytes;
  for (auto _ : state) {
    Head reader = EmptyHead(kStream);
    benchmark::DoNotOptimize(JudgeRecord(kStream, bytes, &reader));
  }
  state.counters["bytes"] = static_cast<double>(bytes.size());
}
BENCHMARK(JudgeARecord);

// One group in flight, as many records in it as the argument says.
void CommitAGroup(benchmark::State& state) {
  BenchLog bench;
  Head head = EmptyHead(kStream);
  for (auto _ : state) {
    const Head before = head;
    bench.Append(before, Chain(state.range(0), &head));
  }
  state.SetItemsProcessed(static_cast<int64_t>(head.position));
}
BENCHMARK(CommitAGroup)->Arg(1)->Arg(16)->Arg(64)->Arg(256)->UseRealTime();

void ReadARun(benchmark::State& state) {
  BenchLog bench;
  Head head = EmptyHead(kStream);
  for (int i = 0; i < 100; ++i) {
    const Head before = head;
    bench.Append(before, Chain(100, &head));
  }
  StreamPosition after = 0;
  for (auto _ : state) {
    auto run = bench.log().Read(kStream, after, static_cast<size_t>(state.range(0)), 16 << 20);
    after = (after + state.range(0)) % 9'000;
    benchmark::DoNotOptimize(run);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ReadARun)->Arg(1)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace purser
