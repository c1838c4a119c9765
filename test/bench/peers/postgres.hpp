// A session on libpq that throws when anything goes wrong.

#ifndef PG_EXCLUSIVE_TEST_BENCH_PEERS_POSTGRES_HPP_
#define PG_EXCLUSIVE_TEST_BENCH_PEERS_POSTGRES_HPP_

#include <libpq-fe.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

namespace bench {

class postgres {
 public:
  // Connects as the environment (PGHOST, PGPORT, …) says.
  postgres();

  void prepare(const std::string &name, const std::string &statement);
  // Runs what was prepared, with text parameters; the first value, "" for
  // none.
  std::string run(const std::string &name,
                  const std::vector<const char *> &parameters = {});
  // The same for a lock function: throws unless it returned true.
  void must(const std::string &name,
            const std::vector<const char *> &parameters);
  // Runs any statement.
  std::string exec(const std::string &statement);

  [[nodiscard]] pid_t backend() const { return PQbackendPID(get()); }
  [[nodiscard]] PGconn *get() const { return connection_.get(); }

 private:
  struct finish {
    void operator()(PGconn *connection) const { PQfinish(connection); }
  };
  std::string take(PGresult *result);

  std::unique_ptr<PGconn, finish> connection_;
};

// A text array literal of what `element` returns for 0 .. n-1.
template <class F>
std::string array_literal(int n, F &&element) {
  std::string text = "{";
  for (int i = 0; i < n; ++i) {
    if (i > 0) text += ',';
    text += element(i);
  }
  return text + '}';
}

}  // namespace bench

#endif  // PG_EXCLUSIVE_TEST_BENCH_PEERS_POSTGRES_HPP_
