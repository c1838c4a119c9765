// Which core runs what.
//
// On a virtual machine a round trip takes 8 or 70 microseconds, as the
// scheduler puts client and server on one core or on two.  So we say.

#ifndef PG_EXCLUSIVE_TEST_BENCH_PLACEMENT_HPP_
#define PG_EXCLUSIVE_TEST_BENCH_PLACEMENT_HPP_

#include <sys/types.h>

#include <vector>

namespace bench {

enum class placement {
  same,  // clients and servers on one core: what the software costs
  cross  // clients on one core, servers on another: nearer to a network
};

// The servers, of which all that is below them is placed too.
void remember_servers(std::vector<pid_t> servers);

// Places all threads of this process, and all servers.
void place(placement where);

// Places all threads of one process.
void place_process(pid_t process, int core_index);

// True iff there are two cores.
bool can_cross();

// Processor time used so far by a process, or all below it too, in seconds.
double processor_seconds(pid_t process);

}  // namespace bench

#endif  // PG_EXCLUSIVE_TEST_BENCH_PLACEMENT_HPP_
