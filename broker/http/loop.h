// One of the server's threads and the connections that live on it.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "broker/http/connection.h"

namespace purser::http {

// Run by its own thread from Start() to the destructor. Methods without another word are for any
// thread.
class Loop {
 public:
  // `options`, `handler`, `tls` (nullptr: clear text) and `open_connections`, which counts those
  // of all loops, outlive it.
  Loop(const ServerOptions* options, const Handler* handler, boost::asio::ssl::context* tls,
       std::atomic<size_t>* open_connections);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  boost::asio::io_context& context() { return context_; }

  void Start();
  void Add(Socket socket);

  // Each answer is its connection's last from now on; what is idle is closed a little later.
  void Drain();
  // True when no answer is under way and what is idle is closed; asked while draining.
  bool drained() const { return drained_; }
  // Closes every connection, drops answers that come later, and joins the thread.
  void Stop();

 private:
  void OnAnswers();
  void OnTick();
  void CheckDrained();
  void Adopt(Socket socket);
  void Turn(Socket socket);

  const ServerOptions* const options_;
  boost::asio::ssl::context* const tls_;
  std::atomic<size_t>* const open_connections_;
  const std::chrono::nanoseconds tick_;

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer ticker_;
  boost::asio::steady_timer last_requests_;
  bool closes_idle_ = false;
  ConnectionContext shared_;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  std::vector<Answer> answers_;
  std::atomic<bool> drained_ = false;
  std::thread thread_;
};

}  // namespace purser::http
