#include "db/tool_error.hpp"

#include <string_view>

#include "base/exit_codes.hpp"

namespace pg_exclusive::cli {

namespace {

/// Is it a client key that the library could not decrypt? It gives OpenSSL no
/// chance to read the passphrase from the command's standard input.
bool is_encrypted_key(const lock_error &error) {
  return error.hint().find("sslpassword") != std::string::npos &&
         std::string_view{error.what()}.find("could not load private key") !=
             std::string_view::npos;
}

/// The library's hints name options of the library. These take their place.
std::string hint_for(const lock_error &error) {
  if (is_encrypted_key(error)) {
    return "Add sslpassword to the connection string or the service file, or "
           "use a key without a passphrase.";
  }
  if (error.sqlstate() == "42883") {
    return "The extension in the database is older than this tool: ALTER "
           "EXTENSION pg_exclusive UPDATE;";
  }
  if (error.sqlstate() == "08P01") {
    return "Connect to the server itself, with --host and --port. Locks of a "
           "session exclude no one behind a pooler in transaction mode.";
  }
  return error.hint();
}

}  // namespace

int exit_code_of(const std::string &sqlstate) {
  const std::string type = sqlstate.substr(0, 2);
  if (sqlstate == "08P01") {
    return exit_config;  // a pooler in between
  }
  if (type == "08" || type == "28" || type == "57" || sqlstate == "3D000" ||
      sqlstate == "53300" || sqlstate == "53200" || sqlstate == "25006") {
    return exit_unavailable;
  }
  if (sqlstate == "42602" || sqlstate == "42622" || sqlstate == "22007" ||
      sqlstate == "22021" || sqlstate == "22023") {
    return exit_usage;
  }
  if (sqlstate == "55000" || sqlstate == "53400") {
    return exit_busy;  // the namespace is paused, or its quota used up
  }
  return exit_config;
}

tool_error describe(const lock_error &error) {
  std::string text = error.what();
  text.erase(text.find_last_not_of(" \n") + 1);
  if (is_encrypted_key(error)) {
    text =
        "the client's private key is encrypted and no sslpassword is given (" +
        text + ")";
  }
  return {text, hint_for(error), exit_code_of(error.sqlstate())};
}

}  // namespace pg_exclusive::cli
