#include "checker/history.hpp"

#include <fcntl.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

namespace harness {
namespace {

constexpr std::array<std::string_view, 12> kOps = {
    "acquire", "release", "beat",    "believe", "lost",   "told",
    "raise",   "write",   "witness", "run",     "effect", "fault"};
constexpr std::array<std::string_view, 4> kEvs = {"invoke", "ok", "fail",
                                                  "unknown"};
constexpr std::array<std::string_view, 3> kModes = {"exclusive", "shared",
                                                    "permit"};

template <typename Enum, std::size_t N>
Enum parse(const std::array<std::string_view, N> &words,
           std::string_view word) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) {
    throw std::runtime_error("unknown word \"" + std::string(word) + "\"");
  }
  return static_cast<Enum>(found - words.begin());
}

Event parse_event(simdjson::ondemand::object object, Strings &strings) {
  Event event;
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    if (key == "t") {
      event.t = field.value();
    } else if (key == "node") {
      event.node = strings.number(field.value().get_string());
    } else if (key == "op") {
      event.op = parse<Op>(kOps, field.value().get_string());
    } else if (key == "ev") {
      event.ev = parse<Ev>(kEvs, field.value().get_string());
    } else if (key == "name") {
      event.name = strings.number(field.value().get_string());
    } else if (key == "mode") {
      event.mode = parse<Mode>(kModes, field.value().get_string());
    } else if (key == "slot") {
      event.slot = strings.number(field.value().get_string());
    } else if (key == "target") {
      event.target = strings.number(field.value().get_string());
    } else if (key == "token") {
      event.token = field.value();
    } else if (key == "value") {
      event.value = field.value();
    } else if (key == "limit") {
      event.limit = field.value();
    } else if (key == "lease") {
      event.lease = field.value();
    } else if (key == "pid") {
      event.pid =
          static_cast<std::int32_t>(static_cast<std::int64_t>(field.value()));
    } else {
      throw std::runtime_error("unknown key \"" + std::string(key) + "\"");
    }
  }
  return event;
}

}  // namespace

Strings::Strings() : texts_{""}, numbers_{{"", 0}} {}

std::uint32_t Strings::number(std::string_view text) {
  const auto found = numbers_.find(text);
  if (found != numbers_.end()) {
    return found->second;
  }
  const auto number = static_cast<std::uint32_t>(texts_.size());
  texts_.emplace_back(text);
  numbers_.emplace(texts_.back(), number);
  return number;
}

std::uint32_t Strings::find(std::string_view text) const {
  const auto found = numbers_.find(text);
  return found == numbers_.end() ? 0 : found->second;
}

const std::string &Strings::text(std::uint32_t number) const {
  return texts_.at(number);
}

void History::sort() {
  std::stable_sort(events.begin(), events.end(),
                   [](const Event &a, const Event &b) { return a.t < b.t; });
}

History load(const std::string &path) {
  History history;
  std::size_t line = 0;
  try {
    const simdjson::padded_string text = simdjson::padded_string::load(path);
    simdjson::ondemand::parser parser;
    constexpr std::size_t kBatch = 1 << 20;
    simdjson::ondemand::document_stream stream =
        parser.iterate_many(text, kBatch);
    for (auto document : stream) {
      ++line;
      history.events.push_back(
          parse_event(document.get_object(), history.strings));
    }
    if (stream.truncated_bytes() != 0) {
      throw std::runtime_error("the last line is cut off");
    }
  } catch (const std::exception &error) {
    throw std::runtime_error(path + ": event " + std::to_string(line) + ": " +
                             error.what());
  }
  history.sort();
  return history;
}

std::string_view to_string(Op op) { return kOps.at(static_cast<int>(op)); }
std::string_view to_string(Ev ev) { return kEvs.at(static_cast<int>(ev)); }
std::string_view to_string(Mode mode) {
  return kModes.at(static_cast<int>(mode));
}

std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

Recorder::Recorder(const std::string &path, std::string node)
    : fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)),
      node_(std::move(node)) {
  if (fd_ < 0) {
    throw std::system_error(errno, std::generic_category(), path);
  }
}

Recorder::~Recorder() { close(fd_); }

void Recorder::record(const Line &line) {
  nlohmann::ordered_json json = {{"t", line.t != 0 ? line.t : now()},
                                 {"node", node_},
                                 {"op", to_string(line.op)},
                                 {"ev", to_string(line.ev)}};
  const auto add = [&json](const char *key, const auto &value) {
    if (value != std::decay_t<decltype(value)>{}) {
      json[key] = value;
    }
  };
  add("name", line.name);
  if (line.mode != Mode::kExclusive) {
    json["mode"] = to_string(line.mode);
  }
  add("slot", line.slot);
  add("target", line.target);
  add("token", line.token);
  add("value", line.value);
  add("limit", line.limit);
  add("lease", line.lease);
  add("pid", line.pid);
  const std::string text = json.dump() + '\n';
  if (write(fd_, text.data(), text.size()) !=
      static_cast<ssize_t>(text.size())) {
    throw std::system_error(errno, std::generic_category(), "history");
  }
}

}  // namespace harness
