// Values that a careless or hostile caller might pass, drawn from the seed.

#ifndef PG_EXCLUSIVE_TEST_FUZZ_VALUES_HPP_
#define PG_EXCLUSIVE_TEST_FUZZ_VALUES_HPP_

#include <cstdint>
#include <optional>
#include <string>

#include "nodes/node.hpp"

namespace fuzz {

using Value = std::optional<std::string>;  // as text; nothing is NULL

// The kinds of arguments our functions take.
enum class Kind : std::uint8_t {
  kNamespace,
  kSpare,  // a namespace that comes and goes
  kRole,
  kKey,
  kKeys,  // text[]
  kMode,
  kInterval,
  kTask,
  kSlot,
  kNumber,  // bigint: tokens
  kPermits,
  kBoolean,
  kOnCrash,
  kLetter,      // "char": one operation
  kLetters,     // text: one operation each
  kNamespaces,  // text[], mostly as long as the letters
  kFewKeys,     // the same
  kTokens,      // bigint[]
};

// Mostly good values, so that calls get far; sometimes the worst.
Value draw(Kind kind, harness::Dice &dice);

// What the kind is called in SQL.
const char *sql_type(Kind kind);

}  // namespace fuzz

#endif  // PG_EXCLUSIVE_TEST_FUZZ_VALUES_HPP_
