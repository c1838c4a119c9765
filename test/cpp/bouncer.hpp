// Debian's PgBouncer, for tests.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <string>

#include "support.hpp"

namespace support {

// A PgBouncer.  In transaction mode it has one connection to the server, if
// `size` does not say more.
class bouncer {
 public:
  explicit bouncer(const std::string &mode, int size = 1)
      : size_(mode == "session" ? 10 : size) {
    directory_ = "/tmp/pg_exclusive-pooler.XXXXXX";
    if (mkdtemp(directory_.data()) == nullptr) {
      throw std::runtime_error("cannot make a directory");
    }
    chmod(directory_.c_str(), 0755);  // it runs as nobody
    for (int attempt = 0; attempt < 10; ++attempt) {
      write_settings(mode, some_port());
      if (start()) return;
    }
    throw std::runtime_error("PgBouncer does not start");
  }
  bouncer(const bouncer &) = delete;
  bouncer &operator=(const bouncer &) = delete;
  ~bouncer() {
    process_.reset();
    unlink((directory_ + "/ini").c_str());
    rmdir(directory_.c_str());
  }

  std::string conninfo;

  // Ends all of its connections.
  void stop() { process_.reset(); }
  // As it was before; false when it does not come.
  bool start() {
    process_ = std::make_unique<child>([&] {
      const int null = open("/dev/null", O_RDWR);
      dup2(null, 1);
      dup2(null, 2);
      if (setgid(65534) != 0 || setuid(65534) != 0) return 126;
      execlp("pgbouncer", "pgbouncer", (directory_ + "/ini").c_str(), nullptr);
      return 127;
    });
    return eventually(
        [&] {
          try {
            return sql("SELECT 1", conninfo) == "1";
          } catch (const std::runtime_error &) {
            return false;
          }
        },
        5s);
  }
  // Sends it a signal, such as SIGSTOP.
  void signal(int number) const { process_->signal(number); }

 private:
  void write_settings(const std::string &mode, int port) {
    std::ofstream(directory_ + "/ini")
        << "[databases]\ntest = host=127.0.0.1 port=" << env("PGPORT")
        << " user=postgres dbname=test"
        << "\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " << port
        << "\nunix_socket_dir =\nauth_type = any\npool_mode = " << mode
        << "\ndefault_pool_size = " << size_ << '\n';
    conninfo = "host=127.0.0.1 dbname=test port=" + std::to_string(port);
  }

  const int size_;
  std::string directory_;
  std::unique_ptr<child> process_;
};

}  // namespace support
