// Answers that no server gives, as from a broken pooler in between.  Nothing
// crashes, loops or believes them: 08P01, and the session is lost.
#include "proxy.hpp"
#include "support.hpp"

namespace {

using namespace support;  // NOLINT
using test_proxy::proxy;

std::string int2(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string int4(std::size_t value) { return int2(value >> 16) + int2(value); }

std::string message(char type, const std::string &body) {
  return type + int4(body.size() + 4) + body;
}

// A row of these values.
std::string row(const std::vector<std::string> &values) {
  std::string body = int2(values.size());
  for (const auto &value : values) body += int4(value.size()) + value;
  return message('D', body);
}

// The number of columns of a row.
std::size_t columns(std::string_view row) {
  return static_cast<unsigned char>(row[5]) * 256U +
         static_cast<unsigned char>(row[6]);
}

// An array that claims to have so many elements of bigint.
std::string claimed_array(std::size_t count) {
  return int4(1) + int4(0) + int4(20) + int4(count) + int4(1);
}

struct wrong {
  const char *what;
  // What becomes of a row.
  std::string (*change)(std::string_view row);
};

const std::vector<wrong> wrong_rows{
    {"no row", [](std::string_view) { return std::string(); }},
    {"no column", [](std::string_view) { return row({}); }},
    {"one byte for each value",
     [](std::string_view r) {
       return row(std::vector<std::string>(columns(r), "x"));
     }},
    {"empty values",
     [](std::string_view r) {
       return row(std::vector<std::string>(columns(r), ""));
     }},
    {"an array of 2^31 elements",
     [](std::string_view r) {
       return row(
           std::vector<std::string>(columns(r), claimed_array(0x80000000U)));
     }},
    {"an array that is cut short",
     [](std::string_view r) {
       return row(std::vector<std::string>(columns(r), claimed_array(3)));
     }},
    {"copy in",
     [](std::string_view) {
       return message('G', std::string(1, '\0') + int2(0));
     }},
    {"copy out",
     [](std::string_view) {
       return message('H', std::string(1, '\0') + int2(0));
     }},
    {"an empty query", [](std::string_view) { return message('I', ""); }},
};

// Changes the rows of the server while `on`.
class changing_proxy {
 public:
  explicit changing_proxy(const wrong &how) {
    link.filter([this, change = how.change](char type, std::string_view m) {
      return on && type == 'D' ? change(m) : std::string(m);
    });
  }
  [[nodiscard]] std::string conninfo() const {
    return link.conninfo() + " sslmode=disable gssencmode=disable";
  }
  std::atomic<bool> on{false};
  proxy link;
};

bool is_protocol_or_loss(const std::string &state) {
  return state == "08P01" || state == "08006" || state == "08001";
}

TEST(wrong_answers, to_a_try_lose_the_session) {
  for (const auto &how : wrong_rows) {
    changing_proxy link(how);
    client locks{link.conninfo(), {.lease = 5s}};
    hold before = *locks.try_lock(unique_name());
    link.on = true;
    std::string state;
    try {
      const auto taken = locks.try_lock(unique_name());
      ADD_FAILURE() << how.what << ": " << to_string(taken.outcome());
    } catch (const lock_error &error) {
      state = error.sqlstate();
    }
    EXPECT_TRUE(is_protocol_or_loss(state)) << how.what << ": " << state;
    EXPECT_TRUE(eventually([&] { return !before.held(); })) << how.what;
    link.on = false;
    EXPECT_TRUE(locks.try_lock(unique_name())) << how.what;
  }
}

TEST(wrong_answers, to_a_try_are_a_protocol_violation) {
  changing_proxy link(wrong_rows[2]);
  client locks{link.conninfo()};
  link.on = true;
  EXPECT_EQ(sqlstate_of([&] { (void)locks.try_lock(unique_name()); }), "08P01");
}

TEST(wrong_answers, to_several_tries_at_once) {
  for (const auto &how : wrong_rows) {
    changing_proxy link(how);
    client locks{link.conninfo(), {.lease = 5s}};
    link.on = true;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        EXPECT_TRUE(is_protocol_or_loss(sqlstate_of([&] {
          (void)locks.try_lock(unique_name());
        }))) << how.what;
      });
    }
  }
}

TEST(wrong_answers, to_a_heartbeat_lose_the_session) {
  for (const auto &how : wrong_rows) {
    changing_proxy link(how);
    client locks{link.conninfo(), {.lease = 1500ms}};
    hold held = *locks.try_lock(unique_name());
    link.on = true;
    EXPECT_TRUE(eventually([&] { return held.lost().stop_requested(); }))
        << how.what;
    EXPECT_THROW(held.check(), lock_lost) << how.what;
  }
}

TEST(wrong_answers, to_a_wait) {
  for (const auto &how : wrong_rows) {
    changing_proxy link(how);
    client locks{link.conninfo(), {.lease = 5s}};
    client other;
    const auto name = unique_name();
    std::optional<hold> held = *other.try_lock(name);
    std::jthread waiter([&] {
      const auto state = sqlstate_of(
          [&] { EXPECT_FALSE(locks.lock(name, {.wait = 20s})) << how.what; });
      EXPECT_TRUE(state.empty() || is_protocol_or_loss(state))
          << how.what << ": " << state;
    });
    ASSERT_TRUE(eventually([&] { return waiters(name) == 1; })) << how.what;
    link.on = true;
    held.reset();
    waiter.join();
    link.on = false;
  }
}

TEST(wrong_answers, while_a_session_is_opened) {
  for (const auto &how : wrong_rows) {
    // From the nth row on.
    for (int nth = 0; nth < 5; ++nth) {
      int seen = 0;
      proxy link;
      link.filter([&](char type, std::string_view m) {
        return type == 'D' && seen++ >= nth ? how.change(m) : std::string(m);
      });
      const auto state = sqlstate_of([&] {
        client locks{link.conninfo() + " sslmode=disable gssencmode=disable",
                     {.connect_timeout = 2s}};
        if (seen > nth) (void)locks.try_lock(unique_name());
      });
      EXPECT_TRUE(state.empty() || state == "0A000" ||
                  is_protocol_or_loss(state))
          << how.what << " from row " << nth << ": " << state;
    }
  }
}

TEST(wrong_answers, to_a_run) {
  for (const auto &how : wrong_rows) {
    changing_proxy link(how);
    client locks{link.conninfo(), {.lease = 5s}};
    hold held = *locks.try_lock(unique_name());
    link.on = true;
    EXPECT_ANY_THROW((void)held.begin_run("slot")) << how.what;
    link.on = false;
  }
}

// What is asked last must come from the backend that was asked first.
TEST(wrong_answers, of_another_backend_while_a_session_is_opened) {
  proxy link;
  link.filter([](char type, std::string_view m) {
    std::string changed(m);
    // The last look at a new session: nonce, process, lease.
    const std::string lease = "17s";
    if (type == 'D' && changed.size() > lease.size() &&
        changed.compare(changed.size() - 3, 3, lease) == 0 && columns(m) == 3) {
      char &digit = changed[changed.size() - 8];
      digit = digit == '9' ? '8' : '9';
    }
    return changed;
  });
  EXPECT_EQ(sqlstate_of([&] {
              client(link.conninfo() + " sslmode=disable gssencmode=disable",
                     {.lease = 17s});
            }),
            "08P01");
}

}  // namespace
