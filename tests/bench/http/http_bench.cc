// http_bench: what the HTTP server alone can bear, answering a stored body; one line of JSON.
#include <sys/resource.h>

#include <iostream>

#include "CLI/CLI.hpp"
#include "broker/http/server.h"
#include "nlohmann/json.hpp"
#include "tests/bench/http/load_generator.h"

namespace {

absl::Duration ProcessCpu() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  purser::bench::LoadOptions load;
  load.requests = 300'000;
  purser::http::ServerOptions options;
  options.address = "127.0.0.1:0";
  size_t answer_bytes = 1000;
  bool post = false;
  CLI::App app("Asks our HTTP server, in this process, for a stored body.");
  app.add_option("-c,--connections", load.connections)->capture_default_str();
  app.add_option("-n,--requests", load.requests)->capture_default_str();
  app.add_option("-t,--server-threads", options.threads)->capture_default_str();
  app.add_option("--answer-bytes", answer_bytes)->capture_default_str();
  app.add_flag("--post", post, "send a SCIM user of about 1 KB with each request");
  CLI11_PARSE(app, argc, argv);

  const std::string stored(answer_bytes, 'x');
  auto server = purser::http::Server::Start(
      options, [&stored](purser::http::Request, purser::http::Respond respond) {
        respond({.content_type = "application/scim+json", .body = stored});
      });
  if (!server.ok()) {
    std::cerr << "http_bench: " << server.status().message() << "\n";
    return 1;
  }
  load.port = (*server)->port();
  load.headers = {{"Authorization", "Bearer 0123456789012345678901234567890123456789012"},
                  {"Accept", "application/scim+json"},
                  {"User-Agent", "http_bench"}};
  if (post) {
    load.method = "POST";
    load.body = purser::bench::ScimUserTemplate();
  }
  const absl::Duration cpu = ProcessCpu();
  const auto result = purser::bench::RunLoad(load);
  if (!result.ok()) {
    std::cerr << "http_bench: " << result.status().message() << "\n";
    return 1;
  }
  const absl::Duration server_cpu = ProcessCpu() - cpu - result->generator_cpu;
  auto json = nlohmann::ordered_json::parse(ToJson(*result));
  const auto requests = static_cast<double>(std::max<size_t>(result->latencies_us.size(), 1));
  json["server_cpu_us_per_request"] = absl::ToDoubleMicroseconds(server_cpu) / requests;
  json["per_second_and_core"] = requests / absl::ToDoubleSeconds(server_cpu);
  std::cout << json.dump() << "\n";
  return 0;
}
