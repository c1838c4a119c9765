#include "contest.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <random>
#include <stdexcept>

#include "calm.hpp"

namespace bench {

double quantile(std::vector<double> &values, double share) {
  if (values.empty()) throw std::logic_error("nothing was measured");
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(std::lround(share * last))];
}

// Of n values the smallest so many, at least one of which is not above the true
// median, with 95 % confidence: each is above it like a coin falls (sign test).
// 0 when n is too small for that.
static std::size_t surely_below(std::size_t n) {
  double chance = std::pow(0.5, n);  // of exactly `below` heads
  double sum = chance;               // of so many or fewer
  std::size_t below = 0;
  while (sum <= 0.05) {
    chance *= static_cast<double>(n - below) / static_cast<double>(below + 1);
    sum += chance;
    ++below;
  }
  return below;
}

spread spread_of(std::vector<double> values) {
  const double median = quantile(values, 0.5);
  const std::size_t below = surely_below(values.size());
  return {median, values.front(), values.back(),
          below == 0 ? 0 : values[below - 1]};
}

sample time_each(int times, const std::function<void()> &act) {
  std::vector<double> took;
  took.reserve(static_cast<std::size_t>(times));
  for (int i = 0; i < times; ++i) {
    const auto from = clock::now();
    act();
    took.push_back(microseconds(clock::now() - from));
  }
  return {quantile(took, 0.5), quantile(took, 0.99)};
}

contest::contest(std::string id, std::string title, std::string unit,
                 std::string base)
    : id_(std::move(id)),
      title_(std::move(title)),
      unit_(std::move(unit)),
      base_(std::move(base)) {}

void contest::add(std::string name, std::function<sample()> block) {
  variants_.push_back({std::move(name), std::move(block), {}});
}

void contest::run(int rounds) {
  static std::mt19937 random(std::random_device{}());
  std::cerr << id_ << ": ";
  for (variant &v : variants_) v.block();
  std::vector<variant *> order;
  for (variant &v : variants_) order.push_back(&v);
  for (int round = 0; round < rounds; ++round) {
    await_calm();
    std::shuffle(order.begin(), order.end(), random);
    for (variant *v : order) v->rounds.push_back(v->block());
    std::cerr << '.';
  }
  std::cerr << '\n';
}

void contest::record(const std::string &name, sample found) {
  if (!has(name)) add(name, nullptr);
  for (variant &v : variants_) {
    if (v.name == name) v.rounds.push_back(found);
  }
}

const contest::variant &contest::at(const std::string &name) const {
  for (const variant &v : variants_) {
    if (v.name == name) return v;
  }
  throw std::logic_error("no variant is called " + name);
}

bool contest::has(const std::string &name) const {
  return std::any_of(variants_.begin(), variants_.end(),
                     [&](const variant &v) { return v.name == name; });
}

std::vector<std::string> contest::names() const {
  std::vector<std::string> all;
  for (const variant &v : variants_) all.push_back(v.name);
  return all;
}

bool contest::has_tails() const {
  return std::any_of(variants_.begin(), variants_.end(), [](const variant &v) {
    return v.rounds.front().tail > 0;
  });
}

spread contest::value(const std::string &name) const {
  std::vector<double> values;
  for (const sample &s : at(name).rounds) values.push_back(s.value);
  return spread_of(std::move(values));
}

spread contest::tail(const std::string &name) const {
  std::vector<double> values;
  for (const sample &s : at(name).rounds) values.push_back(s.tail);
  return spread_of(std::move(values));
}

spread contest::divide(const std::string &name, const std::string &to,
                       double sample::*what) const {
  const auto &above = at(name).rounds;
  const auto &below = at(to).rounds;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < above.size(); ++i) {
    ratios.push_back(above[i].*what / below[i].*what);
  }
  return spread_of(std::move(ratios));
}

spread contest::ratio(const std::string &name, const std::string &to) const {
  return divide(name, to, &sample::value);
}

spread contest::tail_ratio(const std::string &name,
                           const std::string &to) const {
  return divide(name, to, &sample::tail);
}

}  // namespace bench
