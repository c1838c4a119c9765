/// @file
/// The whole library.  Needs the headers of libpqxx; without them, include
/// `client.hpp`, `mutex.hpp`, … one by one.
#pragma once

#include "pg_exclusive/client.hpp"
#include "pg_exclusive/client_options.hpp"
#include "pg_exclusive/clock.hpp"
#include "pg_exclusive/errors.hpp"
#include "pg_exclusive/events.hpp"
#include "pg_exclusive/hold.hpp"
#include "pg_exclusive/holder_info.hpp"
#include "pg_exclusive/lock_name.hpp"
#include "pg_exclusive/lock_options.hpp"
#include "pg_exclusive/mutex.hpp"
#include "pg_exclusive/result.hpp"
#include "pg_exclusive/semaphore.hpp"
#include "pg_exclusive/shared_mutex.hpp"
#include "pg_exclusive/transaction.hpp"
#include "pg_exclusive/version.hpp"
