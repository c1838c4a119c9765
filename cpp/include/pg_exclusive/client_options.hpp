/// @file
/// Options of a client, and what can be read from one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "pg_exclusive/events.hpp"

namespace pg_exclusive {

/// What to do when something between us and the server answers for it.
enum class pooler_policy {
  refuse,   ///< 08P01: locks of a session behind a pooler exclude nobody
  session,  ///< it is in session mode, you say; then everything works
  /// it is in transaction mode: locks are leases, as with `hold_kind::lease`
  transaction
};

/// What keeps a lock.
enum class hold_kind {
  session,  ///< a session of the server: it is free when the session ends
  /// A lease, for `client_options::lease`, which the client renews.  No session
  /// holds it.  So a connection that breaks changes nothing until the lease is
  /// over: the client connects again and renews the same tokens.  The namespace
  /// needs a `max_lease` of at least that.  Exclusive locks only.  A wait tries
  /// again and again, in no order.
  lease
};

/// What to do when the database does not have the extension.
enum class missing_extension_policy {
  refuse,  ///< 0A000, with the statement that creates it
  /// the same ids as built-in advisory locks: exclusive and shared locks,
  /// lease and loss; no tokens, no runs per slot, no semaphores
  allow
};

/// Options of a client.  All have sensible defaults.
struct client_options {
  /// For how long the server keeps a lock of a client it does not hear from,
  /// and so the upper bound of how long a lock outlives a dead client.
  /// Heartbeats go out every third of it.  500 ms to 1 h.
  std::chrono::milliseconds lease{15'000};

  /// How long connecting to a host may take, unless the connection string says
  /// connect_timeout.
  std::chrono::milliseconds connect_timeout{5'000};

  /// How many sessions may hold locks.  When all are full they share what more
  /// there is.
  int max_sessions = 16;
  /// How many holds make a session full: each of its statements has to look at
  /// all of them when it ends.
  int holds_per_session = 256;
  /// How many sessions may wait for locks at the same time, one per name;
  /// waits beyond that try again now and then.
  int max_wait_sessions = 8;

  /// What to do behind a connection pooler.
  pooler_policy pooler = pooler_policy::refuse;
  /// What keeps the locks of this client.
  hold_kind hold_as = hold_kind::session;
  /// What to do where the extension is not installed.
  missing_extension_policy without_extension = missing_extension_policy::refuse;

  /// Asked for the connection string of each new connection, when set: for
  /// passwords that rotate.  It may be called from several threads at once.
  std::function<std::string()> conninfo = {};

  /// Told of grants, losses, slow heartbeats.  Called on a thread of the
  /// library, one event at a time, in order; it may block and should not throw
  /// (what it throws is dropped).  Events beyond 10,000 unread ones are
  /// dropped.
  std::function<void(const event &)> on_event = {};
};

/// Counters of a client since it was made.
struct client_stats {
  std::uint64_t grants = 0;          ///< locks granted by the server
  std::uint64_t refusals = 0;        ///< tries that were refused
  std::uint64_t timeouts = 0;        ///< waits that ran out of time
  std::uint64_t stops = 0;           ///< waits that were stopped
  std::uint64_t losses = 0;          ///< holds that were lost
  std::uint64_t local_refusals = 0;  ///< of the refusals: without the server
  std::uint64_t shared_joins = 0;    ///< shared holds on a grant we had
  std::uint64_t round_trips = 0;     ///< statements on hold sessions
  std::uint64_t calls = 0;           ///< what they carried
  std::uint64_t heartbeats = 0;      ///< heartbeats confirmed
  std::uint64_t waits = 0;           ///< waits in the server's queue
  std::uint64_t polled_waits = 0;    ///< waits that had to try again instead
  std::uint64_t connects = 0;        ///< sessions opened
  int sessions = 0;                  ///< sessions open now
  int waiting_sessions = 0;          ///< of them: waiting now
  std::size_t holds = 0;             ///< grants held now
};

/// A setting of the role, the database or the server that lock sessions
/// override, because it would end or starve a hold.
struct overridden_setting {
  std::string name;    ///< e.g. `statement_timeout`
  std::string value;   ///< what it would have been, as `SHOW` prints it
  std::string source;  ///< e.g. `user`, `database`, `configuration file`
};

/// What a client finds out about its connection: what a doctor would ask.
struct server_facts {
  int server_version = 0;              ///< e.g. 150020
  std::string extension_version;       ///< empty: not there
  std::string extension_schema;        ///< quoted; empty: not there
  bool unix_socket = false;            ///< no network in between
  bool behind_pooler = false;          ///< something else answers for it
  bool standby = false;                ///< no primary: locks are refused
  std::chrono::milliseconds lease{0};  ///< as asked for
  /// How often holds are confirmed.
  std::chrono::milliseconds heartbeat_period{0};
  /// After the last message that was confirmed, we give a lock up after this…
  std::chrono::milliseconds client_bound{0};
  /// …and the server frees it not earlier than after this.
  std::chrono::milliseconds server_bound{0};
  /// A dead link is noticed by the server's kernel after this (0: never) …
  std::chrono::milliseconds server_tcp_bound{0};
  /// … and by ours after this.
  std::chrono::milliseconds client_tcp_bound{0};
  /// What is set otherwise on lock sessions than for others.
  std::vector<overridden_setting> overridden;
};

}  // namespace pg_exclusive
