// The witness is trusted by everything else: does it refuse what is stale, and
// see who is inside?

#include "nodes/resource.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

namespace harness {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ResourceTest : public testing::Test {
 protected:
  ResourceTest()
      : directory_(std::filesystem::temp_directory_path() /
                   ("resource." + std::to_string(getpid()))) {
    std::filesystem::create_directory(directory_);
  }
  ~ResourceTest() override { std::filesystem::remove_all(directory_); }

  const std::string directory_;
};

TEST_F(ResourceTest, AcceptsTokensInOrder) {
  Resource resource(directory_, "jobs/a");
  EXPECT_EQ(resource.raise(5), 0);
  EXPECT_TRUE(resource.write(5, 1));
  EXPECT_EQ(resource.raise(6), 1);
  EXPECT_FALSE(resource.write(5, 2));
  EXPECT_EQ(resource.raise(5), std::nullopt);
  EXPECT_TRUE(resource.write(6, 2));
  EXPECT_EQ(resource.raise(7), 2);
}

TEST_F(ResourceTest, KeepsNamesApart) {
  Resource a(directory_, "jobs/a");
  Resource b(directory_, "jobs/b");
  EXPECT_TRUE(a.write(5, 1));
  EXPECT_EQ(b.raise(1), 0);
}

TEST_F(ResourceTest, SeesWhoIsInside) {
  Resource a(directory_, "jobs/a");
  Resource b(directory_, "jobs/a");
  EXPECT_THAT(a.enter("first", Mode::kExclusive), IsEmpty());
  EXPECT_THAT(b.enter("second", Mode::kExclusive), ElementsAre("first"));
  b.leave();
  a.leave();
  EXPECT_THAT(b.enter("second", Mode::kExclusive), IsEmpty());
}

TEST_F(ResourceTest, LetsReadersIn) {
  Resource a(directory_, "jobs/a");
  Resource b(directory_, "jobs/a");
  Resource c(directory_, "jobs/a");
  EXPECT_THAT(a.enter("reader", Mode::kShared), IsEmpty());
  EXPECT_THAT(b.enter("another", Mode::kShared), IsEmpty());
  a.leave();
  EXPECT_THAT(c.enter("writer", Mode::kExclusive), ElementsAre("another"));
  EXPECT_THAT(a.enter("reader", Mode::kShared), ElementsAre("writer"));
}

TEST_F(ResourceTest, CountsThoseWithPermits) {
  Resource a(directory_, "jobs/a");
  Resource b(directory_, "jobs/a");
  Resource c(directory_, "jobs/a");
  EXPECT_THAT(a.enter("one", Mode::kPermit, 2), IsEmpty());
  EXPECT_THAT(b.enter("two", Mode::kPermit, 2), IsEmpty());
  EXPECT_THAT(c.enter("three", Mode::kPermit, 2), ElementsAre("one", "two"));
}

TEST_F(ResourceTest, ForgetsTheDead) {
  const pid_t child = fork();
  if (child == 0) {
    Resource(directory_, "jobs/a").enter("child", Mode::kExclusive);
    static_cast<void>(raise(SIGKILL));
  }
  waitpid(child, nullptr, 0);
  Resource resource(directory_, "jobs/a");
  EXPECT_THAT(resource.enter("parent", Mode::kExclusive), IsEmpty());
}

}  // namespace
}  // namespace harness
