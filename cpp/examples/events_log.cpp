// Events of a client as lines of JSON, for a log that machines read.
#include <cstdint>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <pg_exclusive/client.hpp>
#include <sstream>
#include <string>

namespace {

//! [events_log]
// The hook is called on a thread of the library, one event at a time.
void write_line(std::ostream &log, const pg_exclusive::event &what) {
  nlohmann::ordered_json line;
  line["event"] = to_string(what.kind);
  if (what.name) line["lock"] = what.name->to_string();
  // As a string: not every reader of JSON keeps 64-bit integers exactly.
  if (what.token) line["token"] = std::to_string(*what.token);
  if (what.took.count() > 0) line["took_us"] = what.took.count();
  if (what.backend_pid != 0) line["server_process"] = what.backend_pid;
  if (what.loss) line["reason"] = to_string(what.loss->reason);
  if (!what.detail.empty()) line["detail"] = what.detail;
  log << line.dump() << '\n';
}
//! [events_log]

}  // namespace

int main() {
  std::ostringstream log;
  {
    pg_exclusive::client locks{
        "", {.on_event = [&](const auto &what) { write_line(log, what); }}};
    (void)locks.try_run_exclusive({"default", "example-log"}, [] {});
  }
  std::cout << log.str();
  const std::string text = log.str();
  return text.find(R"("event":"granted","lock":"default/example-log")") !=
                     std::string::npos &&
                 text.find(R"("event":"released")") != std::string::npos
             ? 0
             : 1;
}
