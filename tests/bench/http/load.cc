// load: a server's throughput over HTTP, as one line of JSON.
//
//   load --port 8080 --post-users /scim/v2/Users --token "$PURSER_DEV_TOKEN" --requests 100000
//   load --port 8080 --path '/scim/v2/Users?filter=userName%20eq%20%22load.{n}@bench.example%22'
#include <fstream>
#include <iostream>
#include <sstream>

#include "CLI/CLI.hpp"
#include "tests/bench/http/load_generator.h"

namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> ReadLines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

}  // namespace

int main(int argc, char** argv) {
  purser::bench::LoadOptions options;
  std::string token;
  std::string paths_file;
  std::string body_file;
  std::string users_path;
  std::string content_type = "application/scim+json";
  bool print_user = false;
  double seconds = 600;
  CLI::App app("Asks a server over keep-alive connections and reports its throughput as JSON.");
  app.add_option("--host", options.host, "IPv4 address")->capture_default_str();
  app.add_option("--port", options.port)->capture_default_str();
  app.add_option("--method", options.method)->capture_default_str();
  app.add_option("--path", options.path, "{n} becomes the request's number")->capture_default_str();
  app.add_option("--paths-file", paths_file, "a file of paths, a line each, asked for in turn");
  app.add_option("--body-file", body_file, "a file whose {n} becomes the request's number");
  app.add_option("--post-users", users_path, "POST SCIM users of about 1 KB to this path");
  app.add_flag("--print-user", print_user, "print that user, with its {n}, and end");
  app.add_option("--content-type", content_type)->capture_default_str();
  app.add_option("--token", token, "bearer token");
  app.add_option("-c,--connections", options.connections)->capture_default_str();
  app.add_option("-t,--threads", options.threads)->capture_default_str();
  app.add_option("-n,--requests", options.requests)->capture_default_str();
  app.add_option("--first", options.first_number, "the first request's number")
      ->capture_default_str();
  app.add_option("--seconds", seconds, "stop after this time")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (print_user) {
    std::cout << purser::bench::ScimUserTemplate() << "\n";
    return 0;
  }
  options.time_limit = absl::Seconds(seconds);
  if (!paths_file.empty()) options.paths = ReadLines(paths_file);
  if (!body_file.empty()) options.body = ReadFile(body_file);
  if (!users_path.empty()) {
    options.method = "POST";
    options.path = users_path;
    options.body = purser::bench::ScimUserTemplate();
  }
  if (!token.empty()) options.headers.emplace_back("Authorization", "Bearer " + token);
  if (!options.body.empty()) options.headers.emplace_back("Content-Type", content_type);
  const auto result = purser::bench::RunLoad(options);
  if (!result.ok()) {
    std::cerr << "load: " << result.status().message() << "\n";
    return 1;
  }
  std::cout << ToJson(*result) << "\n";
  return 0;
}
