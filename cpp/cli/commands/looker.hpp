// Looks at the locks in a thread of its own, so that the screen stays alive
// while the server is silent.
//
// The screen's thread calls all functions. A look is either under way or
// finished. start() begins one, and take() returns its answer once.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "db/views.hpp"

namespace pg_exclusive::cli {

class looker {
 public:
  /// What a look brought: the locks, or an error.
  struct answer {
    std::optional<lock_snapshot> locks;
    std::string error;
  };

  explicit looker(std::function<lock_snapshot()> take);

  void start();
  [[nodiscard]] bool busy() const;
  [[nodiscard]] std::optional<answer> take();

 private:
  [[noreturn]] void run();

  std::function<lock_snapshot()> take_;
  mutable std::mutex mutex_;
  std::condition_variable asked_;
  bool under_way_ = false;
  std::optional<answer> answer_;
  std::thread thread_;
};

}  // namespace pg_exclusive::cli
