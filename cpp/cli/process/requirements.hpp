// What the tool needs from the kernel to keep its promise, tried before
// anything is started. Containers, seccomp profiles and chroots refuse some of
// it.
#pragma once

#include <optional>
#include <string>

namespace pg_exclusive::cli {

/// Returns why processes cannot be found and ended here, or nothing if they
/// can. Looks at /proc and at pidfds.
[[nodiscard]] std::optional<std::string> missing_process_control();

/// Are there enough descriptors for the tool and a connection?
/// @throws std::system_error EMFILE or ENFILE if there are not.
void check_descriptors();

}  // namespace pg_exclusive::cli
