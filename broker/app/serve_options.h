// What `purser serve` was told.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace purser {

struct ServeOptions {
  // Loopback alone, clear text, one directory `main`, and a token that opens everything.
  bool dev = false;
  std::string data;  // the data folder
  std::string http = "127.0.0.1:8080";
  std::string grpc = "127.0.0.1:9090";
  std::string log;             // "kafka://HOST:PORT/PREFIX"; empty: the embedded log in `data`
  std::string kafka_security;  // a file: how the brokers are spoken to; empty: in clear
  // Its parts; both, but on Kafka, where machines may share them out.
  bool broker = true;      // the front door
  bool connectors = true;  // deliveries and pushed feeds
  std::vector<std::string> apply;
  absl::Duration drain_timeout = absl::Seconds(10);
  int http_threads = 2;
  int page_cache_mib = 0;  // the most that the page cache of one file takes; 0: what each asks for
  // How long a client may take: for a request's headers from the first byte to the last; without a
  // byte of the body; for the whole body.
  absl::Duration header_timeout = absl::Seconds(10);
  absl::Duration body_timeout = absl::Seconds(30);
  absl::Duration body_total_timeout = absl::Minutes(5);
  // PEM files; needed without `dev`.
  std::string tls_certificate;
  std::string tls_key;
  std::string tls_client_ca;  // asks admin clients for a certificate of this authority
};

}  // namespace purser
