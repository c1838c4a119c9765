#include "db/conninfo.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>

#include "db/password.hpp"
#include "pg_exclusive/errors.hpp"

namespace pg_exclusive::cli {

namespace {

bool is_conninfo(const std::string &dbname) {
  return dbname.find('=') != std::string::npos ||
         dbname.rfind("postgres://", 0) == 0 ||
         dbname.rfind("postgresql://", 0) == 0;
}

using keywords = std::map<std::string, std::string>;

keywords parse_conninfo(const std::string &text) {
  char *message = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption *)> parsed{
      PQconninfoParse(text.c_str(), &message), PQconninfoFree};
  if (!parsed) {
    const std::string why = message != nullptr ? message : "out of memory";
    PQfreemem(message);
    throw lock_error{why, "08001"};
  }
  keywords result;
  for (const auto *option = parsed.get(); option->keyword != nullptr;
       ++option) {
    if (option->val != nullptr) {
      result[option->keyword] = option->val;
    }
  }
  return result;
}

std::string quoted(const std::string &value) {
  std::string result = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') {
      result += '\\';
    }
    result += c;
  }
  return result + "'";
}

}  // namespace

std::string make_conninfo(const connection_options &from) {
  keywords all;
  if (is_conninfo(from.dbname)) {
    all = parse_conninfo(from.dbname);
  } else if (!from.dbname.empty()) {
    all["dbname"] = from.dbname;
  }
  for (const auto &[keyword, value] :
       {std::pair{"host", from.host}, std::pair{"port", from.port},
        std::pair{"user", from.user}}) {
    if (!value.empty()) {
      all[keyword] = value;
    }
  }
  if (from.ask_password) {
    all["password"] = ask_password();
  }
  all.emplace("fallback_application_name", own_application_name());
  all["client_encoding"] = "UTF8";  // as names are, whatever PGCLIENTENCODING

  std::string result;
  for (const auto &[keyword, value] : all) {
    result += (result.empty() ? "" : " ") + keyword + "=" + quoted(value);
  }
  return result;
}

std::string own_application_name() {
  constexpr std::size_t longest_name = 63;  // the server's NAMEDATALEN - 1
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) {
    host[0] = '?';
  }
  const std::string begin = "pg_exclusive@";
  const std::string end = ":" + std::to_string(getpid());
  const std::string name{host.data()};
  return begin + name.substr(0, longest_name - begin.size() - end.size()) + end;
}

void hide_passwords(int argc, char **argv) {
  for (int i = 1; i < argc && std::strcmp(argv[i], "--") != 0; ++i) {
    const std::string argument = argv[i];
    if (argument.find("password") != std::string::npos ||
        argument.find("postgres://") != std::string::npos ||
        argument.find("postgresql://") != std::string::npos) {
      std::memset(argv[i], '*', argument.size());
    }
  }
}

}  // namespace pg_exclusive::cli
