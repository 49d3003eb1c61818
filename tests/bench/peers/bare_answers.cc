// What a read could cost at least: our HTTP server, and the answer stored.
//
//   bare_answers ADDRESS FILE
#include <poll.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "broker/http/server.h"

namespace {

volatile std::sig_atomic_t stop = 0;

int Run(const std::string& address, const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  purser::http::ServerOptions options;
  options.address = address;
  options.threads = 2;
  auto server = purser::http::Server::Start(
      options,
      [stored = text.str()](const purser::http::Request&, const purser::http::Respond& respond) {
        respond({.content_type = "application/scim+json", .body = stored});
      });
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 1;
  }
  while (stop == 0) ::poll(nullptr, 0, 100);
  (*server)->Stop(absl::ZeroDuration());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bare_answers ADDRESS FILE\n");
    return 2;
  }
  std::signal(SIGTERM, [](int) { stop = 1; });
  return Run(argv[1], argv[2]);
}
