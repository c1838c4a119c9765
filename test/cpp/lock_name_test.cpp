// Names and their ids, which are frozen: any client in any language computes
// the same.
#include "support.hpp"

namespace {

using support::lock_name;
using support::sqlstate_of;

TEST(lock_name, has_the_frozen_id) {
  const std::vector<std::pair<lock_name, std::int64_t>> golden{
      {{"billing", "nightly"}, -4857304600860246807},
      {{"jobs", "nightly-close"}, 6823680722203212612},
      {{"a", "b/c"}, -4805501903565335352},
      {{"a/b", "c"}, 5884018112297427615},
      {{"jobs", "Job"}, 1674934026793591418},
      {{"jobs", "job"}, 5195228993943049750},
      {{"é", "ключ"}, -4950525707655477489},
      {{"jobs", std::string(1024, 'x')}, -8376917133111979859}};
  for (const auto &[name, id] : golden) {
    EXPECT_EQ(name.id(), id) << name.to_string();
    EXPECT_EQ(support::sql("SELECT lock_id('" + name.namespace_ + "', '" +
                           name.key + "')"),
              std::to_string(id));
  }
}

TEST(lock_name, is_split_at_the_first_slash) {
  EXPECT_EQ(lock_name::parse("jobs/nightly/eu"),
            (lock_name{"jobs", "nightly/eu"}));
  for (const char *wrong : {"jobs", "/key", "jobs/", "/", ""}) {
    EXPECT_EQ(sqlstate_of([&] { (void)lock_name::parse(wrong); }), "42602")
        << wrong;
  }
}

TEST(lock_name, is_refused_as_the_server_refuses_it) {
  const std::vector<std::pair<lock_name, std::string>> wrong{
      {{"", "key"}, "42602"},
      {{"jobs", ""}, "42602"},
      {{std::string(64, 'n'), "key"}, "42622"},
      {{"jobs", std::string(1025, 'k')}, "42622"},
      {{"jobs", std::string("a\0b", 3)}, "22021"}};
  support::client locks;
  for (const auto &[name, state] : wrong) {
    EXPECT_EQ(sqlstate_of([&, &name = name] { (void)locks.try_lock(name); }),
              state);
  }
  EXPECT_EQ(sqlstate_of([&] {
              (void)locks.try_lock({"no-such", "key"});
            }),
            "42704");
}

TEST(lock_name, is_not_folded_or_cut) {
  support::client locks;
  const auto upper = locks.try_lock({"default", "Case"});
  const auto lower = locks.try_lock({"default", "case"});
  const auto long_a = locks.try_lock({"default", std::string(1023, 'x') + "a"});
  const auto long_b = locks.try_lock({"default", std::string(1023, 'x') + "b"});
  EXPECT_TRUE(upper && lower && long_a && long_b);
}

}  // namespace
