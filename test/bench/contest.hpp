// Variants that do the same thing, measured side by side.
//
// In each round every variant runs one block, in an order drawn anew, and
// ratios are taken inside the round: what disturbs the machine for longer than
// a round disturbs both sides of a ratio.

#ifndef PG_EXCLUSIVE_TEST_BENCH_CONTEST_HPP_
#define PG_EXCLUSIVE_TEST_BENCH_CONTEST_HPP_

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace bench {

using clock = std::chrono::steady_clock;

inline double microseconds(clock::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

// What a block came to: the figure that counts, and the 99th percentile where
// there is one.
struct sample {
  double value = 0;
  double tail = 0;
};

// Over rounds.
struct spread {
  double median = 0;
  double least = 0;
  double most = 0;
  // The true median is not below this, with 95 % confidence; 0 when there are
  // too few rounds to tell.
  double surely = 0;
};

// The value below which `share` of the values lie; sorts them.
double quantile(std::vector<double> &values, double share);
spread spread_of(std::vector<double> values);

// Median and 99th percentile of the times, in microseconds, that `act` takes.
sample time_each(int times, const std::function<void()> &act);

class contest {
 public:
  // `base` is the variant that the table's ratios are taken to.
  contest(std::string id, std::string title, std::string unit,
          std::string base);

  void add(std::string name, std::function<sample()> block);
  // Warms up, then runs so many rounds.
  void run(int rounds);
  // For figures that are found otherwise: one round of one variant.
  void record(const std::string &name, sample found);

  [[nodiscard]] bool has(const std::string &name) const;
  [[nodiscard]] spread value(const std::string &name) const;
  [[nodiscard]] spread tail(const std::string &name) const;
  [[nodiscard]] spread ratio(const std::string &name,
                             const std::string &to) const;
  [[nodiscard]] spread tail_ratio(const std::string &name,
                                  const std::string &to) const;

  [[nodiscard]] const std::string &id() const { return id_; }
  [[nodiscard]] const std::string &title() const { return title_; }
  [[nodiscard]] const std::string &unit() const { return unit_; }
  [[nodiscard]] const std::string &base() const { return base_; }
  // In the order they were added.
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] bool has_tails() const;

 private:
  struct variant {
    std::string name;
    std::function<sample()> block;
    std::vector<sample> rounds;
  };
  [[nodiscard]] const variant &at(const std::string &name) const;
  [[nodiscard]] spread divide(const std::string &name, const std::string &to,
                              double sample::*what) const;

  std::string id_, title_, unit_, base_;
  std::vector<variant> variants_;
};

}  // namespace bench

#endif  // PG_EXCLUSIVE_TEST_BENCH_CONTEST_HPP_
