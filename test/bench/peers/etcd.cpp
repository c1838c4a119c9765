#include "peers/etcd.hpp"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

namespace bench {
namespace {

std::size_t append(char *data, std::size_t size, std::size_t count,
                   void *text) {
  static_cast<std::string *>(text)->append(data, size * count);
  return size * count;
}

std::string base64(const std::string &bytes) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = i; j < i + 3; ++j) {
      group = group << 8 |
              (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j <= bytes.size() ? digits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

}  // namespace

bool etcd::there() { return std::getenv("BENCH_ETCD_URL") != nullptr; }

etcd::etcd() : http_(curl_easy_init(), curl_easy_cleanup) {
  if (!http_) throw std::runtime_error("could not start libcurl");
  curl_easy_setopt(http_.get(), CURLOPT_TCP_NODELAY, 1L);
  const auto granted =
      nlohmann::json::parse(post("/v3/lease/grant", R"({"TTL": 60})"));
  lease_ = granted.at("ID").get<std::string>();
}

std::string etcd::post(const std::string &path, const std::string &body) {
  std::string answer;
  const std::string url = std::getenv("BENCH_ETCD_URL") + path;
  curl_easy_setopt(http_.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(http_.get(), CURLOPT_POSTFIELDSIZE,
                   static_cast<long>(body.size()));
  curl_easy_setopt(http_.get(), CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(http_.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(http_.get(), CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(http_.get(), CURLOPT_FAILONERROR, 1L);
  const CURLcode code = curl_easy_perform(http_.get());
  if (code != CURLE_OK) throw std::runtime_error(curl_easy_strerror(code));
  return answer;
}

void etcd::lock(const std::string &key) {
  const std::string name = base64(key);
  const nlohmann::json ask = {
      {"compare",
       {{{"key", name}, {"target", "CREATE"}, {"create_revision", "0"}}}},
      {"success",
       {{{"request_put",
          {{"key", name}, {"value", base64("1")}, {"lease", lease_}}}}}}};
  const auto answer = nlohmann::json::parse(post("/v3/kv/txn", ask.dump()));
  if (!answer.value("succeeded", false)) {
    throw std::runtime_error("etcd refused a lock that nobody had");
  }
}

void etcd::unlock(const std::string &key) {
  const nlohmann::json ask = {{"key", base64(key)}};
  const auto answer =
      nlohmann::json::parse(post("/v3/kv/deleterange", ask.dump()));
  if (answer.value("deleted", "0") != "1") {
    throw std::runtime_error("etcd no longer had our lock");
  }
}

}  // namespace bench
